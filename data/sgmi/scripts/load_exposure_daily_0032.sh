#!/bin/bash
# Loads sgmisit.exposure_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/exposure_daily
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisit.exposure_daily \
  --source sgmisitstg.stg_payment_event
hdfs dfs -rm -r -skipTrash "/landing/exposure_daily/_tmp" || true
