#!/bin/bash
# Loads sgmisitstg.stg_provision_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_provision_history
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_provision_history
select a.schedule_id, current_date()
from sgmisitstg.stg_schedule_map a
left join sgmisitstg.stg_guarantor_snapshot b on a.schedule_id = b.guarantor_id
where a.schedule_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_provision_history/_tmp" || true
