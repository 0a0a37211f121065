#!/bin/bash
# Loads sgmisit.facility
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/facility
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.facility
select a.review_id, current_date()
from ${STAGING_DATABASE}.stg_review_link a
left join ${STAGING_DATABASE}.stg_client_snapshot b on a.review_id = b.client_id
where a.review_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/facility/_tmp" || true
