#!/bin/bash
# Loads sgmisit.account_transaction
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/account_transaction
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.account_transaction
select a.guarantor_id, current_date()
from sgmisitstg.stg_guarantor_map a
left join sgmisitetl.v2_daily_002_013 b on a.guarantor_id = b.exposure_id_0
where a.guarantor_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/account_transaction/_tmp" || true
