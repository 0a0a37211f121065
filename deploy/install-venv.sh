#!/bin/sh
# Debian and Ubuntu keep Python's venv module in a package of its own: install it where that is
# allowed, say what to do where it is not.
set -eu
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq python3-venv
else
    echo "make: Python's venv module is missing; run: sudo apt-get install python3-venv" >&2
    exit 1
fi
