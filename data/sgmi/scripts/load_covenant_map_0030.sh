#!/bin/bash
# Loads sgmisit.covenant_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/covenant_map
hive -e "insert overwrite table sgmisit.covenant_map
select a.balance_id, current_date()
from sgmisitetl.tmp_balance_snapshot a
left join sgmisit.v3_client_snapshot_005_007_015 b on a.balance_id = b.origin
where a.balance_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/covenant_map/_tmp" || true
