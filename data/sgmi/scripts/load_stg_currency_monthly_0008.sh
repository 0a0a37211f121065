#!/bin/bash
# Loads sgmisitstg.stg_currency_monthly
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_currency_monthly
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisitstg.stg_currency_monthly
select a.provision_id, current_date()
from sgmisitstg.stg_provision_history a
left join sgmisitstg.stg_facility_daily b on a.provision_id = b.facility_id
left join sgmisitstg.stg_guarantor_map c on a.provision_id = c.guarantor_id
where a.provision_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_currency_monthly/_tmp" || true
