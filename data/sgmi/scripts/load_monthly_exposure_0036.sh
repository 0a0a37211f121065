#!/bin/bash
# Loads sgmisit.monthly_exposure
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/monthly_exposure
hive -f "$(dirname "$0")/load_monthly_exposure_0036.hql"
hdfs dfs -rm -r -skipTrash "/landing/monthly_exposure/_tmp" || true
