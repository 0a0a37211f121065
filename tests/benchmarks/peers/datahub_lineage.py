"""Peer: DataHub's ``sqlglot_lineage`` of views.

Reads ``{"schema": {database: {table: {column: type}}}, "views": [[database, name, body], …]}``
from standard input; prints CPU seconds, and the sources of each column for comparison.
"""

import json
import logging
import sys
import time

from datahub.metadata.urns import DatasetUrn
from datahub.sql_parsing.schema_resolver import SchemaResolver
from datahub.sql_parsing.sqlglot_lineage import sqlglot_lineage

logging.disable(logging.CRITICAL)
sys.setrecursionlimit(20_000)
task = json.load(sys.stdin)
resolver = SchemaResolver(platform="hive", env="PROD")
for database, tables in task["schema"].items():
    for table, columns in tables.items():
        urn = DatasetUrn(platform="hive", name=f"{database}.{table}", env="PROD").urn()
        resolver.add_raw_schema_info(urn, columns)
found = {}
failed = 0
start = time.process_time()
for database, name, body in task["views"]:
    columns = found[f"{database}.{name}"] = {}
    result = sqlglot_lineage(body, resolver, default_db=database)
    if result.debug_info.error or not result.column_lineage:
        failed += 1
    for edge in result.column_lineage or ():
        sources = columns[edge.downstream.column.lower()] = []
        for source in edge.upstreams:
            place = DatasetUrn.from_string(source.table).name.split(".")
            sources.append([place[-2], place[-1], source.column.lower()])
cpu = time.process_time() - start
print(json.dumps({"cpu_seconds": cpu, "failed_views": failed, "columns": found}))
