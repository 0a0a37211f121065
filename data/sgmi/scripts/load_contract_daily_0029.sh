#!/bin/bash
# Loads sgmisit.contract_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/contract_daily
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.contract_daily
select a.client_id, current_date()
from ${PRESENTATION_DATABASE}.client a
left join ${PRESENTATION_DATABASE}.v3_history_004_009_017 b on a.client_id = b.branch_id_0
where a.client_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/contract_daily/_tmp" || true
