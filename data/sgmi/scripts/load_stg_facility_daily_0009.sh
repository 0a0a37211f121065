#!/bin/bash
# Loads sgmisitstg.stg_facility_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_facility_daily
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_facility_daily
select a.account_id, current_date()
from ${STAGING_DATABASE}.stg_account_link a
left join ${STAGING_DATABASE}.stg_account_map b on a.account_id = b.account_id
where a.account_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_facility_daily/_tmp" || true
