#!/bin/bash
# Loads sgmisit.facility
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/facility
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.facility
select a.covenant_id, current_date()
from ${PRESENTATION_DATABASE}.covenant_map a
left join ${TRANSFORMATION_DATABASE}.tmp_account_daily b on a.covenant_id = b.account_id
where a.covenant_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/facility/_tmp" || true
