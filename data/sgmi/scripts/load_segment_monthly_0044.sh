#!/bin/bash
# Loads sgmisit.segment_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/segment_monthly
hive -e "insert overwrite table ${PRESENTATION_DATABASE}.segment_monthly
select a.account_id, current_date()
from ${TRANSFORMATION_DATABASE}.tmp_account_link_1048 a
where a.account_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/segment_monthly/_tmp" || true
