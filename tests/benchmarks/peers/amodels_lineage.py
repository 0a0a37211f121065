"""aModels on the same views: parsing them, lineage to their parents and to base tables.

Reads ``{"schema": {database: {table: {column: type}}}, "views": [[database, name, body], …]}``
from standard input; prints CPU seconds, and the sources of each column for comparison.
"""

import json
import resource
import sys
import time

from amodels_assets.sgmi.influence import FILTER, GROUP_BY, JOIN, SORT
from amodels_assets.sgmi.lineage_graph import ViewQuery, view_lineage

ROWS = JOIN | FILTER | GROUP_BY | SORT
task = json.load(sys.stdin)
wanted = {(database, name) for database, name, _ in task["views"]}
# Views that are not among those asked for are read like tables, as the peers do.
tables = {
    (database, table): columns
    for database, found in task["schema"].items()
    for table, columns in found.items()
    if (database, table) not in wanted
}
views = {(database, name): ViewQuery(body) for database, name, body in task["views"]}
start = time.process_time()
lineage = view_lineage(views, tables)
cpu = time.process_time() - start
columns = {
    ".".join(key): {
        name: [list(s) for s, bits in column.sources.items() if bits & ~ROWS or not bits]
        for name, column in query.columns.items()
    }
    for key, query in lineage.direct.items()
}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
found = {"cpu_seconds": cpu, "failed_views": len(lineage.failures), "columns": columns}
print(json.dumps({**found, "peak_megabytes": peak}))
