"""Freezes what Apache Spark says of the views in ``views/``: the test's independent judge.

Spark's analyzer resolves every name to an expression id; this walks the analyzed (not optimized)
plan and collects, for each output column, the columns of base tables that its expression refers
to: results, conditions of CASE and IF, PARTITION BY and ORDER BY of windows. What only chooses,
groups or sorts rows is not part of an output's expression and so not collected.

Spark and its JVM are too heavy for the suite (0.5 GB); the results lie in ``spark_lineage.json``
with Spark's version and a hash of the views. After a change of the views:

    python3 -m venv spark && spark/bin/pip install pyspark==4.3.0      # needs Java 17 or 21
    spark/bin/python tests/differential/freeze_spark_lineage.py
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession
from statements import digest, statements

HERE = Path(__file__).parent
PASSED_ON = {
    "Filter", "Sort", "GlobalLimit", "LocalLimit", "Distinct", "SubqueryAlias", "Join", "Project",
    "Aggregate", "Window", "View", "Sample", "RepartitionByExpression",
    "Deduplicate", "OneRowRelation",
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.sql.warehouse.dir", folder)
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.ansi.enabled", "false")
            .config("spark.sql.crossJoin.enabled", "true")
            .getOrCreate()
        )
        spark.sparkContext.setLogLevel("OFF")
        spark.sql("create database d")
        spark.sql("use d")
        views, refused = {}, {}
        for statement in statements():
            name = re.match(r"CREATE (?:TABLE|VIEW) (\w+)", statement).group(1)
            if statement.startswith("CREATE TABLE"):
                spark.sql(f"{statement} USING parquet")
                continue
            body = statement.split(" AS ", 1)[1]
            try:
                frame = spark.sql(body)
                views[name] = described(frame)
                spark.sql(statement)
            except Exception as error:  # noqa: BLE001 - it is written down and looked at
                refused[name] = str(error).split("\n", maxsplit=1)[0]
        version = spark.version
        spark.stop()
    for name, why in refused.items():
        print(f"{name}: {why}", file=sys.stderr)
    found = {"spark": version, "views_sha256": digest(), "views": views, "refused": sorted(refused)}
    lines = [f"{json.dumps(key)}: {json.dumps(found[key])}" for key in found if key != "views"]
    entries = ",\n".join(f"  {json.dumps(name)}: {json.dumps(views[name])}" for name in views)
    text = "{\n" + ",\n".join(lines) + f',\n"views": {{\n{entries}\n}}\n}}\n'
    (HERE / "spark_lineage.json").write_text(text)
    print(f"{len(views)} views, {sum(len(v) for v in views.values())} columns")


def described(frame) -> list[list[object]]:
    """Name, type and sources of each output column."""
    plan = frame._jdf.queryExecution().analyzed()
    origins = Origins()
    origins.visit(plan)
    return [
        [name.lower(), type_.replace(" ", ""), sorted(origins.of(attribute))]
        for (name, type_), attribute in zip(frame.dtypes, each(plan.output()), strict=True)
    ]


def each(sequence):
    return [sequence.apply(i) for i in range(sequence.size())]


class Origins:
    """Columns of base tables by expression id."""

    def __init__(self) -> None:
        self.by_id: dict[int, set[str]] = {}
        self.queries: dict[int, list] = {}

    def of(self, attribute) -> set[str]:
        return self.by_id[attribute.exprId().id()]

    def visit(self, plan) -> None:
        kind = plan.getClass().getSimpleName()
        if kind == "WithCTE":
            for definition in each(plan.cteDefs()):
                self.visit(definition.child())
                self.queries[definition.id()] = each(definition.child().output())
            self.visit(plan.plan())
            return
        if kind == "CTERelationRef":
            defined = self.queries[plan.cteId()]
            for attribute, origin in zip(each(plan.output()), defined, strict=True):
                self.by_id[attribute.exprId().id()] = self.of(origin)
            return
        if kind == "LogicalRelation":
            table = plan.catalogTable().get().identifier().table()
            for attribute in each(plan.output()):
                self.by_id[attribute.exprId().id()] = {f"{table}.{attribute.name().lower()}"}
            return
        for child in each(plan.children()):
            self.visit(child)
        if kind == "Union":
            columns = [each(child.output()) for child in each(plan.children())]
            for position, attribute in enumerate(each(plan.output())):
                found = set().union(*(self.of(column[position]) for column in columns))
                self.by_id[attribute.exprId().id()] = found
        elif kind in ("Intersect", "Except"):
            # Values are the left side's; the right side only decides which.
            left = each(each(plan.children())[0].output())
            for attribute, origin in zip(each(plan.output()), left, strict=True):
                self.by_id[attribute.exprId().id()] = self.of(origin)
        elif kind == "Generate":
            found = self.expression(plan.generator())
            for attribute in each(plan.generatorOutput()):
                self.by_id[attribute.exprId().id()] = found
        elif kind == "Expand":
            projections = [each(projection) for projection in each(plan.projections())]
            for position, attribute in enumerate(each(plan.output())):
                parts = [self.expression(projection[position]) for projection in projections]
                self.by_id[attribute.exprId().id()] = set().union(*parts)
        elif kind == "LocalRelation":
            for attribute in each(plan.output()):
                self.by_id[attribute.exprId().id()] = set()
        elif kind not in PASSED_ON:
            raise NotImplementedError(kind)
        named = {"Project": "projectList", "Aggregate": "aggregateExpressions",
                 "Window": "windowExpressions"}.get(kind)  # fmt: skip
        if named:
            for expression in each(getattr(plan, named)()):
                self.by_id[expression.exprId().id()] = self.expression(expression)

    def expression(self, expression) -> set[str]:
        kind = expression.getClass().getSimpleName()
        if kind == "AttributeReference":
            return self.of(expression)
        found: set[str] = set()
        if kind in ("ScalarSubquery", "ListQuery", "Exists", "LateralSubquery"):
            self.visit(expression.plan())
            if kind != "Exists":
                for attribute in each(expression.plan().output()):
                    found |= self.of(attribute)
            return found
        for child in each(expression.children()):
            found |= self.expression(child)
        return found


if __name__ == "__main__":
    main()
