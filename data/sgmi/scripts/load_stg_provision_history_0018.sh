#!/bin/bash
# Loads sgmisitstg.stg_provision_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_provision_history
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_provision_history
select a.position_id, current_date()
from sgmisitstg.stg_position_history a
where a.position_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_provision_history/_tmp" || true
