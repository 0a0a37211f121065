#!/bin/bash
# Loads sgmisit.collateral_master
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/collateral_master
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.collateral_master
select a.provision_id, current_date()
from sgmisitstg.stg_provision_history a
left join sgmisitstg.stg_client_snapshot b on a.provision_id = b.client_id
where a.provision_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/collateral_master/_tmp" || true
