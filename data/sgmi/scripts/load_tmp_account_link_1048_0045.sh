#!/bin/bash
# Loads sgmisitetl.tmp_account_link_1048
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/tmp_account_link_1048
hive -e "insert overwrite table sgmisitetl.tmp_account_link_1048
select a.facility_id, current_date()
from sgmisit.facility a
left join sgmisit.client_map b on a.facility_id = b.client_id
left join sgmisit.v3_client_snapshot_005_007_015 c on a.facility_id = c.origin
where a.facility_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/tmp_account_link_1048/_tmp" || true
