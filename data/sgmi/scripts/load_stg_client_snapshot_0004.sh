#!/bin/bash
# Loads sgmisitstg.stg_client_snapshot
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_client_snapshot
hive -e "insert overwrite table ${STAGING_DATABASE}.stg_client_snapshot
select a.provision_id, current_date()
from ${STAGING_DATABASE}.stg_provision_history a
left join ${STAGING_DATABASE}.stg_account_map b on a.provision_id = b.account_id
left join ${STAGING_DATABASE}.stg_account_link_502 c on a.provision_id = c.account_id
where a.provision_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_client_snapshot/_tmp" || true
