#!/bin/bash
# Loads sgmisit.client
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/client
hive -e "insert overwrite table sgmisit.client
select a.currency_id, current_date()
from sgmisitstg.stg_currency_monthly a
where a.currency_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/client/_tmp" || true
