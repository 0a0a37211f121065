#!/bin/bash
# Loads sgmisitstg.stg_account_link
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_account_link
hive -e "insert overwrite table sgmisitstg.stg_account_link
select a.currency_id, current_date()
from sgmisitstg.stg_currency_daily a
left join sgmisitstg.stg_account_map b on a.currency_id = b.account_id
where a.currency_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_account_link/_tmp" || true
