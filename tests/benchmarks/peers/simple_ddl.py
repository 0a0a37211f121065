"""Peer: simple-ddl-parser on DDL statements that somebody else has split.

Reads ``{"statements": [...]}`` from standard input; prints CPU seconds and how many were read.
"""

import json
import sys
import time

from simple_ddl_parser import DDLParser

statements = json.load(sys.stdin)["statements"]
DDLParser(statements[0]).run(output_mode="hql")
read = 0
start = time.process_time()
for statement in statements:
    found = DDLParser(statement + ";", silent=True).run(output_mode="hql")
    read += bool(found and found[0].get("columns"))
cpu = time.process_time() - start
print(json.dumps({"cpu_seconds": cpu, "read": read, "of": len(statements)}))
