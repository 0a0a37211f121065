#!/bin/bash
# Loads sgmisitstg.stg_guarantor_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_monthly
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitstg.stg_guarantor_monthly \
  --source sgmisitstg.stg_account_map
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_monthly/_tmp" || true
