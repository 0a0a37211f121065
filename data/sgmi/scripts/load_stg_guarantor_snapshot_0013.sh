#!/bin/bash
# Loads sgmisitstg.stg_guarantor_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_snapshot
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_guarantor_snapshot
select a.currency_id, current_date()
from sgmisitstg.stg_currency_daily a
where a.currency_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_snapshot/_tmp" || true
