#!/bin/bash
# Loads sgmisitstg.stg_balance_event
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_balance_event
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_balance_event
select a.covenant_id, current_date()
from sgmisitstg.stg_covenant_history a
where a.covenant_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_balance_event/_tmp" || true
