#!/bin/bash
# Loads sgmisit.position_detail
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/position_detail
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.position_detail
select a.payment_id, current_date()
from ${PRESENTATION_DATABASE}.payment_monthly a
left join ${PRESENTATION_DATABASE}.client_map b on a.payment_id = b.client_id
left join ${PRESENTATION_DATABASE}.v3_history_004_008_019 c on a.payment_id = c.origin
where a.payment_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/position_detail/_tmp" || true
