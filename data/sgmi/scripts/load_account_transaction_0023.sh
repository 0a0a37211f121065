#!/bin/bash
# Loads sgmisit.account_transaction
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/account_transaction
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.account_transaction
select a.review_id, current_date()
from sgmisitstg.stg_review_link a
left join sgmisitstg.stg_guarantor_event b on a.review_id = b.guarantor_id
left join sgmisit.segment_map c on a.review_id = c.segment_id
where a.review_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/account_transaction/_tmp" || true
