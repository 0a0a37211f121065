#!/bin/bash
# Loads sgmisit.schedule_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/schedule_master
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisit.schedule_master \
  --source sgmisit.position_detail \
  --source sgmisitetl.v1_guarantor_monthly_006
hdfs dfs -rm -r -skipTrash "/landing/schedule_master/_tmp" || true
