"""Peer: sqlglot's lineage of every output column of views, scopes built once a view.

Reads ``{"schema": {database: {table: {column: type}}}, "views": [[database, name, body], …]}``
from standard input; prints CPU seconds, and the sources of each column for comparison.
"""

import json
import sys
import time

from sqlglot import exp, parse_one
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

sys.setrecursionlimit(20_000)
task = json.load(sys.stdin)
schema = MappingSchema(task["schema"], dialect="hive")
found = {}
failed = 0
start = time.process_time()
for database, name, body in task["views"]:
    columns = found[f"{database}.{name}"] = {}
    try:
        query = parse_one(body, read="hive")
        query = qualify(
            query,
            dialect="hive",
            schema=schema,
            db=database,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(query)
        for column in query.named_selects:
            root = lineage(column, query, schema, dialect="hive", scope=scope, copy=False)
            leaves = columns[column.lower()] = []
            for node in root.walk():
                if not node.downstream and isinstance(node.expression, exp.Table):
                    table = node.expression
                    place = (table.db or database, table.name, node.name.split(".")[-1])
                    leaves.append([part.strip('`"').lower() for part in place])
    except Exception:  # noqa: BLE001 - whatever a peer fails with is a failure of its own
        failed += 1
cpu = time.process_time() - start
print(json.dumps({"cpu_seconds": cpu, "failed_views": failed, "columns": found}))
