#!/bin/bash
# Loads sgmisitstg.stg_guarantor_event
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_event
hive -e "insert overwrite table sgmisitstg.stg_guarantor_event
select a.facility_id, current_date()
from sgmisitstg.stg_facility_map a
left join sgmisitstg.stg_currency_daily b on a.facility_id = b.currency_id
left join sgmisitstg.stg_rating_event c on a.facility_id = c.rating_id
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_event/_tmp" || true
