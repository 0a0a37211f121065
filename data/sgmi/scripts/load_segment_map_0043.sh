#!/bin/bash
# Loads sgmisit.segment_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/segment_map
beeline -u "$HIVE_URL" -e "insert overwrite table sgmisit.segment_map
select a.account_id, current_date()
from sgmisitetl.tmp_account_link_1048 a
where a.account_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/segment_map/_tmp" || true
