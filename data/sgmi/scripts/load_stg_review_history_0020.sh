#!/bin/bash
# Loads sgmisitstg.stg_review_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_review_history
hive -e "insert overwrite table sgmisitstg.stg_review_history
select a.balance_id, current_date()
from sgmisitstg.stg_balance_event a
left join sgmisitstg.stg_payment_event b on a.balance_id = b.payment_id
where a.balance_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_review_history/_tmp" || true
