#!/bin/bash
# Loads sgmisitetl.tmp_payment_detail
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_payment_detail
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitetl.tmp_payment_detail
select a.exposure_id, current_date()
from sgmisit.monthly_exposure a
left join sgmisitstg.stg_covenant_daily b on a.exposure_id = b.covenant_id
where a.exposure_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_payment_detail/_tmp" || true
