#!/bin/bash
# Loads sgmisit.rating_history_407
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/rating_history_407
hive -e "insert overwrite table sgmisit.rating_history_407
select a.position_id, current_date()
from sgmisit.position_detail a
left join sgmisitstg.stg_review_history b on a.position_id = b.review_id
where a.position_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/rating_history_407/_tmp" || true
