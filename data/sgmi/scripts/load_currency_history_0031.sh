#!/bin/bash
# Loads sgmisit.currency_history
set -euo pipefail
. "$(dirname "$0")/warehouse.properties"
MODE="${2:-full}"
hdfs dfs -mkdir -p /landing/currency_history
hive -f "$(dirname "$0")/load_currency_history_0031.hql"
hdfs dfs -rm -r -skipTrash "/landing/currency_history/_tmp" || true
