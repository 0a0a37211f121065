#!/bin/bash
# Loads sgmisit.region
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/region
hive -f "$(dirname "$0")/load_region_0041.hql"
hdfs dfs -rm -r -skipTrash "/landing/region/_tmp" || true
