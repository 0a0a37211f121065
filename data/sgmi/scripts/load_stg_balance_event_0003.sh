#!/bin/bash
# Loads sgmisitstg.stg_balance_event
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_balance_event
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_balance_event
select a.account_id, current_date()
from sgmisitstg.stg_account_map a
left join sgmisitstg.stg_guarantor_snapshot b on a.account_id = b.guarantor_id
where a.account_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_balance_event/_tmp" || true
