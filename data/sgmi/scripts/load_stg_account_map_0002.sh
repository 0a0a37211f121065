#!/bin/bash
# Loads sgmisitstg.stg_account_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_account_map
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitstg.stg_account_map \
  --source sgmisitstg.stg_payment_event
hdfs dfs -rm -r -skipTrash "/landing/stg_account_map/_tmp" || true
