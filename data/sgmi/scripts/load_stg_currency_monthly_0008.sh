#!/bin/bash
# Loads sgmisitstg.stg_currency_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_currency_monthly
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_currency_monthly
select a.schedule_id, current_date()
from sgmisitstg.stg_schedule_map a
left join sgmisitstg.stg_provision_master b on a.schedule_id = b.provision_id
left join sgmisitstg.stg_guarantor_snapshot c on a.schedule_id = c.guarantor_id
where a.schedule_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_currency_monthly/_tmp" || true
