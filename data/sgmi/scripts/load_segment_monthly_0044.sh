#!/bin/bash
# Loads sgmisit.segment_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/segment_monthly
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.segment_monthly
select a.facility_id, current_date()
from ${PRESENTATION_DATABASE}.facility a
left join ${PRESENTATION_DATABASE}.client_map b on a.facility_id = b.client_id
left join ${PRESENTATION_DATABASE}.v3_client_snapshot_005_007_015 c on a.facility_id = c.origin
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/segment_monthly/_tmp" || true
