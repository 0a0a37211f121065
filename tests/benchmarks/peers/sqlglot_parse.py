"""Peer: sqlglot's parser on DDL statements that somebody else has split.

Reads ``{"statements": [...]}`` from standard input; prints CPU seconds and how many were read.
"""

import json
import sys
import time

import sqlglot

statements = json.load(sys.stdin)["statements"]
sqlglot.parse_one(statements[0], read="hive")
failed = 0
start = time.process_time()
for statement in statements:
    try:
        sqlglot.parse_one(statement, read="hive")
    except sqlglot.errors.SqlglotError:
        failed += 1
cpu = time.process_time() - start
print(json.dumps({"cpu_seconds": cpu, "read": len(statements) - failed, "of": len(statements)}))
