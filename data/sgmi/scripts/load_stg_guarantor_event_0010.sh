#!/bin/bash
# Loads sgmisitstg.stg_guarantor_event
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_event
hive -e "insert overwrite table sgmisitstg.stg_guarantor_event
select a.limit_id, current_date()
from sgmisitstg.stg_limit_daily a
left join sgmisitstg.stg_guarantor_snapshot b on a.limit_id = b.guarantor_id
left join sgmisitstg.stg_payment_event c on a.limit_id = c.payment_id
where a.limit_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_event/_tmp" || true
