#!/bin/bash
# Loads sgmisitstg.stg_covenant_daily
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_covenant_daily
hive -e "insert overwrite table sgmisitstg.stg_covenant_daily
select a.review_id, current_date()
from sgmisitstg.stg_review_link a
left join sgmisitstg.stg_facility_map b on a.review_id = b.facility_id
left join sgmisitstg.stg_account_map c on a.review_id = c.account_id
where a.review_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_covenant_daily/_tmp" || true
