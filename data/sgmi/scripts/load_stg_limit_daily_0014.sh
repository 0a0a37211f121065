#!/bin/bash
# Loads sgmisitstg.stg_limit_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_limit_daily
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_limit_daily
select a.covenant_id, current_date()
from ${STAGING_DATABASE}.stg_covenant_daily a
left join ${STAGING_DATABASE}.stg_payment_event b on a.covenant_id = b.payment_id
where a.covenant_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_limit_daily/_tmp" || true
