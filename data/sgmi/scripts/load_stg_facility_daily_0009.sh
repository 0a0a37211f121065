#!/bin/bash
# Loads sgmisitstg.stg_facility_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_facility_daily
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_facility_daily
select a.review_id, current_date()
from ${STAGING_DATABASE}.stg_review_history a
left join ${STAGING_DATABASE}.stg_currency_monthly b on a.review_id = b.currency_id
left join ${STAGING_DATABASE}.stg_collateral_history_417 c on a.review_id = c.collateral_id
where a.review_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_facility_daily/_tmp" || true
