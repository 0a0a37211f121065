#!/bin/bash
# Loads sgmisit.rating_history_407
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/rating_history_407
hive -e "insert overwrite table sgmisit.rating_history_407
select a.outcome_id, current_date()
from sgmisit.facility_outcome a
left join sgmisit.collateral_master b on a.outcome_id = b.collateral_id
left join sgmisit.v3_history_004_009_017 c on a.outcome_id = c.branch_id_0
where a.outcome_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/rating_history_407/_tmp" || true
