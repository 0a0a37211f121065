#!/bin/bash
# Loads sgmisit.segment_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/segment_map
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.segment_map
select a.region_id, current_date()
from sgmisit.region a
left join sgmisitstg.stg_account_link b on a.region_id = b.account_id
left join sgmisitetl.tmp_balance_snapshot c on a.region_id = c.balance_id
where a.region_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/segment_map/_tmp" || true
