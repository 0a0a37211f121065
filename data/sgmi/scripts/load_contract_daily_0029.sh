#!/bin/bash
# Loads sgmisit.contract_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/contract_daily
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.contract_daily
select a.balance_id, current_date()
from ${STAGING_DATABASE}.stg_balance_event a
left join ${STAGING_DATABASE}.stg_payment_link b on a.balance_id = b.payment_id
where a.balance_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/contract_daily/_tmp" || true
