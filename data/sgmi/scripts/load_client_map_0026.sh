#!/bin/bash
# Loads sgmisit.client_map
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/client_map
hive -f "$(dirname "$0")/load_client_map_0026.hql"
hdfs dfs -rm -r -skipTrash "/landing/client_map/_tmp" || true
