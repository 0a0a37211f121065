#!/bin/bash
# Loads sgmisit.client
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/client
hive -e "insert overwrite table sgmisit.client
select a.product_id, current_date()
from sgmisitetl.tmp_product_history a
left join sgmisitstg.stg_guarantor_monthly b on a.product_id = b.guarantor_id
left join sgmisitetl.v1_guarantor_monthly_006 c on a.product_id = c.rep_reason_2
where a.product_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/client/_tmp" || true
