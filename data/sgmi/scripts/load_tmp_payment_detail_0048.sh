#!/bin/bash
# Loads sgmisitetl.tmp_payment_detail
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_payment_detail
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitetl.tmp_payment_detail
select a.facility_id, current_date()
from sgmisit.facility a
left join sgmisitstg.stg_review_link b on a.facility_id = b.review_id
left join sgmisit.client_map c on a.facility_id = c.client_id
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_payment_detail/_tmp" || true
