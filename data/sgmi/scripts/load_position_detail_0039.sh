#!/bin/bash
# Loads sgmisit.position_detail
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/position_detail
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.position_detail
select a.outcome_id, current_date()
from ${PRESENTATION_DATABASE}.facility_outcome a
left join ${PRESENTATION_DATABASE}.collateral_master b on a.outcome_id = b.collateral_id
left join ${PRESENTATION_DATABASE}.v3_history_004_009_017 c on a.outcome_id = c.branch_id_0
where a.outcome_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/position_detail/_tmp" || true
