"""aModels on the same DDL, as a dump file: decoding and splitting it is part of the work.

Reads ``{"statements": [...]}`` from standard input; prints CPU seconds and how many were read.
"""

import json
import sys
import time

from amodels_assets.sgmi.hive import read_dump

statements = json.load(sys.stdin)["statements"]
data = "".join(f"{statement};\n" for statement in statements).encode()
read_dump(statements[0].encode(), "first")
start = time.process_time()
dump = read_dump(data, "dump")
cpu = time.process_time() - start
print(json.dumps({"cpu_seconds": cpu, "read": len(dump.contents), "of": len(statements)}))
