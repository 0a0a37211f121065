#!/bin/bash
# Loads sgmisitetl.tmp_position_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_position_monthly
hive -e "insert overwrite table ${TRANSFORMATION_DATABASE}.tmp_position_monthly
select a.account_id, current_date()
from ${STAGING_DATABASE}.stg_account_link_502 a
left join ${STAGING_DATABASE}.stg_collateral_history_417 b on a.account_id = b.collateral_id
where a.account_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_position_monthly/_tmp" || true
