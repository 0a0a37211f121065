#!/bin/bash
# Loads sgmisitetl.tmp_position_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_position_monthly
hive -e "insert overwrite table ${TRANSFORMATION_DATABASE}.tmp_position_monthly
select a.facility_id, current_date()
from ${PRESENTATION_DATABASE}.facility a
left join ${PRESENTATION_DATABASE}.payment_monthly b on a.facility_id = b.payment_id
left join ${STAGING_DATABASE}.stg_balance_event c on a.facility_id = c.balance_id
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_position_monthly/_tmp" || true
