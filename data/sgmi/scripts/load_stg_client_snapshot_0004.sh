#!/bin/bash
# Loads sgmisitstg.stg_client_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_client_snapshot
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_client_snapshot
select a.covenant_id, current_date()
from ${STAGING_DATABASE}.stg_covenant_history a
left join ${STAGING_DATABASE}.stg_collateral_history_417 b on a.covenant_id = b.collateral_id
left join ${STAGING_DATABASE}.stg_payment_event c on a.covenant_id = c.payment_id
where a.covenant_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_client_snapshot/_tmp" || true
