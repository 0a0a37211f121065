#!/bin/bash
# Loads sgmisit.payment_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/payment_monthly
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.payment_monthly
select a.facility_id, current_date()
from sgmisitstg.stg_facility_map a
left join sgmisit.client_map b on a.facility_id = b.client_id
left join sgmisit.v3_history_004_008_019 c on a.facility_id = c.origin
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/payment_monthly/_tmp" || true
