#!/bin/bash
# Loads sgmisitetl.tmp_account_link_1048
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_account_link_1048
hive -e "insert overwrite table sgmisitetl.tmp_account_link_1048
select a.origin, current_date()
from sgmisit.v3_client_snapshot_005_007_015 a
where a.origin is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_account_link_1048/_tmp" || true
