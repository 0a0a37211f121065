#!/bin/bash
# Loads sgmisitstg.stg_currency_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_currency_daily
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitstg.stg_currency_daily \
  --source sgmisitstg.stg_covenant_history
hdfs dfs -rm -r -skipTrash "/landing/stg_currency_daily/_tmp" || true
