#!/bin/bash
# Loads sgmisitstg.stg_provision_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_provision_master
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_provision_master
select a.guarantor_id, current_date()
from ${STAGING_DATABASE}.stg_guarantor_map a
left join ${STAGING_DATABASE}.stg_guarantor_monthly b on a.guarantor_id = b.guarantor_id
left join ${STAGING_DATABASE}.stg_payment_event c on a.guarantor_id = c.payment_id
where a.guarantor_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_provision_master/_tmp" || true
