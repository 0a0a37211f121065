#!/bin/bash
# Loads sgmisit.payment_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/payment_monthly
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.payment_monthly
select a.client_id, current_date()
from sgmisitstg.stg_client_snapshot a
left join sgmisit.v3_client_snapshot_005_007_016 b on a.client_id = b.origin
where a.client_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/payment_monthly/_tmp" || true
