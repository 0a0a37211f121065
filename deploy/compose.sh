#!/bin/bash
# Docker Compose with the platform's files and deploy/.env, which say which overlays there are:
#     deploy/compose.sh ps
#     deploy/compose.sh exec gateway amodels-gateway keys list
# COMPOSE is the command that is Compose, `docker compose` when it is not set.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

# What deploy/.env says, where the environment does not.
setting() {
    local name=$1
    if [[ -n ${!name:-} ]]; then
        printf '%s\n' "${!name}"
    elif [[ -f .env ]]; then
        sed -n "s/^$name=//p" .env | tail -n 1 | tr -d "\"'"
    fi
}

# The daemon starts containers by the socket, which its group may write to.
if [[ -z $(setting AMODELS_DOCKER_GID) ]]; then
    socket=$(setting AMODELS_DOCKER_SOCKET)
    if group=$(stat -L -c %g -- "${socket:-/var/run/docker.sock}" 2>/dev/null); then
        export AMODELS_DOCKER_GID=$group
    fi
fi

read -r -a compose <<<"${COMPOSE:-docker compose}"
exec "${compose[@]}" "$@"
