#!/bin/bash
# Loads sgmisit.branch_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/branch_history
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.branch_history
select a.position_id, current_date()
from ${STAGING_DATABASE}.stg_position_history a
left join ${STAGING_DATABASE}.stg_account_map b on a.position_id = b.account_id
left join ${STAGING_DATABASE}.stg_rating_event c on a.position_id = c.rating_id
where a.position_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/branch_history/_tmp" || true
