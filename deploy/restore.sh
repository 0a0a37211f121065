#!/bin/bash
# Brings a backup of backup.sh back:
#     deploy/restore.sh FOLDER OF THE BACKUP
# With FORCE=1 also where something runs, which is then stopped, and where something is, which is then
# deleted.
#
# Belongs here: what is looked at before anything is touched, and the order of bringing it back. Does
# not belong here: what a backup consists of (backup.sh).
set -euo pipefail
umask 077

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
databases=(dagster replica operations)
network=amodels
touched=""

compose() { "$here/compose.sh" --progress quiet "$@"; }
say() { printf 'restore: %s\n' "$*"; }
fail() {
    printf 'restore: %s\n' "$*" >&2
    exit 1
}
finish() {
    local status=$?
    trap - EXIT
    if ((status != 0)) && [[ -n $touched ]]; then
        printf 'restore: it is not finished, and the volumes hold a part of it: say it again with FORCE=1\n' >&2
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

forced() { [[ ${FORCE:-} == 1 ]]; }
has() { [[ -f $backup/$1.tar ]]; }

# In a container of a service, and so with its user and its volume: inside SERVICE SCRIPT
inside() {
    compose run --rm --no-deps --no-TTY --entrypoint sh "$1" -c "$2"
}

# service and folder of each volume that the backup has something for.
volumes() {
    printf 'postgres /var/lib/postgresql/data\ncode-location /var/lib/amodels\n'
    for service in redis neo4j; do
        if has "$service"; then
            printf '%s /data\n' "$service"
        fi
    done
}

verify() {
    local manifest=$backup/MANIFEST listed expected name bytes
    [[ -f $manifest ]] || fail "$backup is no backup: it has no MANIFEST"
    [[ $(head -n 1 -- "$manifest") == "# amodels backup, format 1" ]] ||
        fail "$manifest is of another format than this version reads"
    # Names of files, and nothing that leads elsewhere.
    listed=$(sed -n 's/^[0-9a-f]\{64\}  //p' "$manifest" | sort)
    if grep -qvxE '(dagster|replica|operations)\.dump|(home|redis|neo4j)\.tar' <<<"$listed"; then
        fail "$manifest lists files that no backup has"
    fi
    [[ $(tail -n 1 -- "$manifest") == "# files $(grep -c . <<<"$listed")" ]] ||
        fail "$manifest is not whole"
    for expected in "${databases[@]/%/.dump}" home.tar; do
        grep -qxF -- "$expected" <<<"$listed" || fail "$expected is missing from the backup"
    done
    while read -r bytes name; do
        [[ $(stat -c %s -- "$backup/$name" 2>/dev/null) == "$bytes" ]] ||
            fail "$name has not the $bytes bytes that it was written with"
    done < <(sed -n 's/^# bytes //p' "$manifest")
    (cd -- "$backup" && sha256sum --check --strict --quiet MANIFEST) ||
        fail "the backup is damaged, and nothing was touched"
}

if (($# != 1)) || [[ -z $1 ]]; then
    printf 'restore: name the folder of a backup: make restore BACKUP=/var/backups/amodels/amodels-…\n' >&2
    exit 2
fi
[[ -d $1 ]] || fail "there is no folder $1"
backup=$(cd -- "$1" && pwd)

say "comparing $backup with its MANIFEST"
verify
made_with=$(sed -n 's/^# commit //p' "$backup/MANIFEST")
here_is=$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)
if [[ $made_with != "$here_is" ]]; then
    say "it was made with version $made_with, this is $here_is: docs/deploy.md says how to migrate"
fi

services=$(compose ps --services --status running)
# Of the platform's, but not of Compose's: the daemon started them.
runs=$("${DOCKER:-docker}" ps --quiet --filter label=dagster/run_id --filter "network=$network")
if [[ -n $services$runs ]] && ! forced; then
    fail "${services//$'\n'/, }${runs:+ and ${runs//$'\n'/, }, which are runs,} are at work: make down, or FORCE=1"
fi
if [[ -n $services$runs ]]; then
    say "stopping what is at work"
    compose stop </dev/null
    if [[ -n $runs ]]; then
        xargs "${DOCKER:-docker}" stop <<<"$runs" >/dev/null
    fi
fi

while read -r service folder; do
    # What an image puts into an empty volume are folders and hidden files.
    found=$(inside "$service" "find $folder -mindepth 1 -type f ! -path '$folder/.*' | head -n 1" </dev/null)
    if [[ -n $found ]] && ! forced; then
        fail "there is something in the volume of $service, $found say: FORCE=1 deletes it"
    fi
done < <(volumes)

touched=1
while read -r service folder; do
    say "emptying the volume of $service"
    inside "$service" "find $folder -mindepth 1 -delete" </dev/null
done < <(volumes)

say "starting PostgreSQL"
compose up --detach --wait postgres </dev/null
for database in "${databases[@]}"; do
    say "$database.dump"
    compose exec --no-TTY postgres \
        pg_restore --username=postgres --dbname="$database" --exit-on-error --single-transaction \
        <"$backup/$database.dump"
done
compose stop postgres </dev/null

say "home.tar"
inside code-location 'exec tar --extract --file=- --directory=/var/lib/amodels' <"$backup/home.tar"
for service in redis neo4j; do
    if has "$service"; then
        say "$service.tar"
        inside "$service" 'exec tar --extract --file=- --directory=/data' <"$backup/$service.tar"
    fi
done
say "done: make up"
