#!/bin/bash
# Loads sgmisitstg.stg_review_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/stg_review_history
hive -e "insert overwrite table sgmisitstg.stg_review_history
select a.product_id, current_date()
from sgmisitstg.stg_product_master a
left join sgmisitstg.stg_account_link b on a.product_id = b.account_id
left join sgmisitstg.stg_provision_master c on a.product_id = c.provision_id
where a.product_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/stg_review_history/_tmp" || true
