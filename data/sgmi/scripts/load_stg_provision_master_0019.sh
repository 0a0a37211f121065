#!/bin/bash
# Loads sgmisitstg.stg_provision_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_provision_master
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_provision_master
select a.covenant_id, current_date()
from ${STAGING_DATABASE}.stg_covenant_daily a
left join ${STAGING_DATABASE}.stg_client_snapshot b on a.covenant_id = b.client_id
left join ${STAGING_DATABASE}.stg_guarantor_map c on a.covenant_id = c.guarantor_id
where a.covenant_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_provision_master/_tmp" || true
