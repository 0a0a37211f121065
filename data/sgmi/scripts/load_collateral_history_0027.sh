#!/bin/bash
# Loads sgmisit.collateral_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/collateral_history
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisit.collateral_history \
  --source sgmisitetl.tmp_account_link_1048 \
  --source sgmisitetl.v1_history_407_001
hdfs dfs -rm -r -skipTrash "/landing/collateral_history/_tmp" || true
