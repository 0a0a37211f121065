#!/bin/bash
# Loads sgmisitetl.tmp_contract_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_contract_snapshot
spark3-submit --master yarn --queue "$QUEUE" \
  --class org.example.warehouse.Load /opt/warehouse/scripts/load.jar \
  --target sgmisitetl.tmp_contract_snapshot \
  --source sgmisitstg.stg_schedule_map \
  --source sgmisit.branch_snapshot
hdfs dfs -rm -r -skipTrash "/landing/tmp_contract_snapshot/_tmp" || true
