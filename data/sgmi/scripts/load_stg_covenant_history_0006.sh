#!/bin/bash
# Loads sgmisitstg.stg_covenant_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_covenant_history
hive -f "$(dirname "$0")/load_stg_covenant_history_0006.hql"
hdfs dfs -rm -r -skipTrash "/landing/stg_covenant_history/_tmp" || true
