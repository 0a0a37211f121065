#!/bin/bash
# Loads sgmisitstg.stg_review_link
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_review_link
hive -f "$(dirname "$0")/load_stg_review_link_0021.hql"
hdfs dfs -rm -r -skipTrash "/landing/stg_review_link/_tmp" || true
