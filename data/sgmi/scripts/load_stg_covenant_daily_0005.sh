#!/bin/bash
# Loads sgmisitstg.stg_covenant_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_covenant_daily
hive -e "insert overwrite table sgmisitstg.stg_covenant_daily
select a.limit_id, current_date()
from sgmisitstg.stg_limit_daily a
left join sgmisitstg.stg_client_snapshot b on a.limit_id = b.client_id
left join sgmisitstg.stg_guarantor_map c on a.limit_id = c.guarantor_id
where a.limit_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_covenant_daily/_tmp" || true
