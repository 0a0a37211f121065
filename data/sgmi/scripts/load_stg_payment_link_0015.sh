#!/bin/bash
# Loads sgmisitstg.stg_payment_link
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_payment_link
hive -e "insert overwrite table sgmisitstg.stg_payment_link
select a.balance_id, current_date()
from sgmisitstg.stg_balance_event a
left join sgmisitstg.stg_rating_event b on a.balance_id = b.rating_id
where a.balance_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_payment_link/_tmp" || true
