#!/bin/bash
# Loads sgmisit.covenant_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/covenant_map
hive -e "insert overwrite table sgmisit.covenant_map
select a.exposure_id, current_date()
from sgmisit.exposure_daily a
where a.exposure_id is not null;"
hdfs dfs -rm -r -skipTrash "/landing/covenant_map/_tmp" || true
