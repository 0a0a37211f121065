#!/bin/bash
# Loads sgmisit.facility_outcome
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/facility_outcome
hive -e "insert overwrite table sgmisit.facility_outcome
select a.exposure_id, current_date()
from sgmisit.monthly_exposure a
left join sgmisit.branch_history b on a.exposure_id = b.branch_id
where a.exposure_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/facility_outcome/_tmp" || true
