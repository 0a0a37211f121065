#!/bin/bash
# Loads sgmisitstg.stg_account_link_502
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_account_link_502
hive -f "$(dirname "$0")/load_stg_account_link_502_0001.hql"
hdfs dfs -rm -r -skipTrash "/landing/stg_account_link_502/_tmp" || true
