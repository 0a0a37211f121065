#!/bin/bash
# Loads sgmisit.facility_outcome
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/facility_outcome
hive -e "insert overwrite table sgmisit.facility_outcome
select a.exposure_id, current_date()
from sgmisit.monthly_exposure a
left join sgmisitetl.v2_history_004_009 b on a.exposure_id = b.branch_id_0
left join sgmisitetl.v2_client_snapshot_005_011 c on a.exposure_id = c.origin_0
where a.exposure_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/facility_outcome/_tmp" || true
