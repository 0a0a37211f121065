#!/bin/bash
# Loads sgmisit.collateral_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/collateral_master
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.collateral_master
select a.payment_id, current_date()
from sgmisitstg.stg_payment_link a
left join sgmisit.schedule_master b on a.payment_id = b.schedule_id
left join sgmisitetl.tmp_account_link_1048 c on a.payment_id = c.account_id
where a.payment_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/collateral_master/_tmp" || true
