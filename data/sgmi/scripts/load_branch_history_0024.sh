#!/bin/bash
# Loads sgmisit.branch_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/branch_history
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.branch_history
select a.review_id, current_date()
from ${STAGING_DATABASE}.stg_review_link a
left join ${STAGING_DATABASE}.stg_collateral_history_417 b on a.review_id = b.collateral_id
where a.review_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/branch_history/_tmp" || true
