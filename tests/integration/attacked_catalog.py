"""A catalog whose every name, comment, query and command tries to be more than text.

Belongs here: the catalog's tables, the rows and the scripts. Does not belong here: stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.sgmi.schema import SCHEMAS
from tests.attacks import ATTACKS

# A table that has a column of every name, and every text as a value.
ALL = ("d", "all")
TEXTS = tuple(ATTACKS.values())
# Of databases, tables and rows: no dump names one with a zero byte, and PostgreSQL has none.
WITHOUT_ZERO = tuple(text for text in TEXTS if "\x00" not in text)
SCRIPT = "attack.sh"


def view_of(name: str) -> str:
    """Name of the view over the table of a name."""
    return f"v{name}"


def quoted(name: str) -> str:
    """A name in Hive's SQL."""
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def literal(text: str) -> str:
    """A text in Hive's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def rows() -> pa.Table:
    """Of the table of all names: each text stands in each column once."""
    return pa.table(
        {name: [*WITHOUT_ZERO[i:], *WITHOUT_ZERO[:i], None] for i, name in enumerate(TEXTS)},
        schema=pa.schema([(name, pa.string()) for name in TEXTS]),
    )


def catalog() -> dict[str, pa.Table]:
    """All tables of the catalog: database, table, column, job and condition of every name."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}

    def add(table: str, /, **values: Any) -> None:
        found[table].append({**dict.fromkeys(SCHEMAS[table].names), **values})

    def column(database: str, table: str, position: int, name: str, **values: Any) -> None:
        add("columns", database=database, table=table, position=position, column=name,
            **{"type": "string", "is_partition": False, "comment": "", **values})  # fmt: skip

    add("databases", database="d")
    add("tables", database="d", table="all", kind="table", comment="", primary_key=[])
    add("tables", database="d", table="literals", kind="view", comment="", primary_key=[])
    constants = ", ".join(f"{literal(text)} as c{i}" for i, text in enumerate(WITHOUT_ZERO))
    add("views", database="d", table="literals", query=f"select {constants} from d.all")
    add("table_lineage", source_database="d", source_table="all",
        target_database="d", target_table="literals")  # fmt: skip
    for i, name in enumerate(TEXTS):
        column("d", "all", i, name, comment=name)
        _add_job(add, name, TEXTS[i - 1])
    for i, name in enumerate(WITHOUT_ZERO):
        column("d", "literals", i, f"c{i}")
        add("databases", database=name, location=name)
        add("tables", database=name, table=name, kind="table", comment=name, primary_key=[name])
        column(name, name, 0, name, comment=name)
        column(name, name, 1, f"p{name}", is_partition=True, comment=name)
        view = view_of(name)
        query = f"select {quoted(name)} from {quoted(name)}.{quoted(name)}"
        add("tables", database=name, table=view, kind="view", comment=name, primary_key=[])
        add("views", database=name, table=view, query=query)
        column(name, view, 0, name)
        source = {"source_database": name, "source_table": name}
        target = {"target_database": name, "target_table": view}
        add("table_lineage", **source, **target)
        add("column_lineage", **source, **target, source_column=name, target_column=name,
            transformation_type="DIRECT", transformation_subtype="IDENTITY", resolved=True,
            target_position=0)  # fmt: skip
    return {
        name: pa.Table.from_pylist(values, schema=SCHEMAS[name]) for name, values in found.items()
    }


def _add_job(add: Callable[..., None], name: str, before: str) -> None:
    add("jobs", job=name, folder=name, command=name, raw_command=name, script=SCRIPT,
        description=name, host_group=name, run_as=name, variables=[(name, name)],
        source_file=name, line=1)  # fmt: skip
    add("job_edges", from_job=name, to_job=before, condition=name, date_rule=name)
    for role in ("waits_for", "adds", "deletes"):
        add("job_conditions", job=name, condition=name, role=role, date_rule=name)
    dates = {"months": [1], "month_days": [name], "week_days": [name], "and_or": name}
    add("job_schedules", job=name, trigger="cron", cron=name, timezone=name, date_filter=dates,
        not_expressible=[name], waits_for=name)  # fmt: skip
    if name in WITHOUT_ZERO:
        add("job_tables", job=name, database=name, table=name, access="writes",
            evidence_file=name, evidence_line=1)  # fmt: skip


def publish(store: ArtifactStore, tables: Mapping[str, pa.Table] | None = None) -> None:
    """The catalog and the rows as artifacts."""

    def write_catalog(folder: Path) -> None:
        for name, table in (tables or catalog()).items():
            write_table(folder, name, table)

    store.publish("sgmi/catalog", inputs={}, code_version="1", produce=write_catalog)
    store.publish(
        "sgmi/rows",
        inputs={},
        code_version="1",
        produce=lambda folder: write_table(folder, ".".join(ALL), rows()),
    )


def write_dumps(source: Path) -> None:
    """A source directory with the script that every job runs: all texts, a line each."""
    (source / "hive-ddl").mkdir(parents=True)
    (source / "hive-ddl" / "d.hql").write_text("create table d.t (x int);\n")
    (source / "scripts").mkdir()
    (source / "scripts" / SCRIPT).write_text("\n".join(TEXTS), "utf-8")
