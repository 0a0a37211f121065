#!/bin/bash
# Loads sgmisitetl.tmp_balance_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_balance_snapshot
hive -f "$(dirname "$0")/load_tmp_balance_snapshot_0046.hql"
hdfs dfs -rm -r -skipTrash "/landing/tmp_balance_snapshot/_tmp" || true
