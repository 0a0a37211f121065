#!/bin/bash
# Loads sgmisit.payment_event_652
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/payment_event_652
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisit.payment_event_652 \
  --source sgmisitstg.stg_payment_link
hdfs dfs -rm -r -skipTrash "/landing/payment_event_652/_tmp" || true
