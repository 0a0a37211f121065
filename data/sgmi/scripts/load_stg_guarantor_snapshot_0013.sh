#!/bin/bash
# Loads sgmisitstg.stg_guarantor_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_guarantor_snapshot
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_guarantor_snapshot
select a.facility_id, current_date()
from sgmisitstg.stg_facility_map a
left join sgmisitstg.stg_provision_history b on a.facility_id = b.provision_id
left join sgmisitstg.stg_guarantor_monthly c on a.facility_id = c.guarantor_id
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_guarantor_snapshot/_tmp" || true
