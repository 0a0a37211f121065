#!/bin/bash
# Loads sgmisitstg.stg_product_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_product_master
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitstg.stg_product_master \
  --source sgmisitstg.stg_review_history \
  --source sgmisitstg.stg_guarantor_event \
  --source sgmisitstg.stg_payment_event
hdfs dfs -rm -r -skipTrash "/landing/stg_product_master/_tmp" || true
