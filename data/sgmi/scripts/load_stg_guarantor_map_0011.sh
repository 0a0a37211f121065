#!/bin/bash
# Loads sgmisitstg.stg_guarantor_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_map
hive -f "$(dirname "$0")/load_stg_guarantor_map_0011.hql"
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_map/_tmp" || true
