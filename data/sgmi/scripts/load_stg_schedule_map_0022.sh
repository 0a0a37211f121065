#!/bin/bash
# Loads sgmisitstg.stg_schedule_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_schedule_map
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitstg.stg_schedule_map \
  --source sgmisitstg.stg_review_history \
  --source sgmisitstg.stg_payment_event
hdfs dfs -rm -r -skipTrash "/landing/stg_schedule_map/_tmp" || true
