#!/bin/bash
# Backs up the platform that runs here in containers, into a new folder:
#     deploy/backup.sh [FOLDER FOR BACKUPS]        /var/backups/amodels when it is not named
#
# Belongs here: what is copied, in which order, and that a folder with the name of a backup is a
# whole one. Does not belong here: bringing it back (restore.sh), and copies on other machines.
#
# Databases first, files afterwards: files are added, and a database names those that it knows. So
# every file that a copied row names is there; the other way round the newest would be missing.
set -euo pipefail
umask 077

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
databases=(dagster replica operations)
stopped=""
work=""

compose() { "$here/compose.sh" --progress quiet "$@"; }
say() { printf 'backup: %s\n' "$*"; }
fail() {
    printf 'backup: %s\n' "$*" >&2
    exit 1
}

# Whatever happens: what was stopped runs again, and what is not whole goes away.
finish() {
    local status=$?
    trap - EXIT
    if [[ -n $stopped ]] && ! compose start "$stopped" </dev/null; then
        printf 'backup: %s could not be started again: make up\n' "$stopped" >&2
        status=1
    fi
    if [[ -n $work ]]; then
        rm -rf -- "$work"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

runs() { grep -qxF -- "$1" <<<"$services"; }

# Of a volume, by the service whose user its files belong to, in its container or in one of its own:
# archive NAME SERVICE "SCRIPT THAT ENDS WITH TAR"
archive() {
    local name=$1 service=$2 script=$3 how=(exec --no-TTY "$2" sh)
    if ! runs "$service" || [[ $stopped == "$service" ]]; then
        how=(run --rm --no-deps --no-TTY --entrypoint sh "$service")
    fi
    say "$name.tar"
    # Tar ends with 1 where files changed or went meanwhile: logs, and what is being made.
    compose "${how[@]}" -c "set -e; $script || [ \$? = 1 ]" </dev/null >"$work/$name.tar" ||
        fail "the volume of $service cannot be read"
    # The stream may have been cut off without anybody saying so.
    tar --list --file="$work/$name.tar" >/dev/null || fail "$name.tar is not whole"
}

if (($# > 1)); then
    printf 'backup: one folder for backups at most, deploy/backup.sh /mnt/backups say\n' >&2
    exit 2
fi
folder=${1:-/var/backups/amodels}
mkdir -p -- "$folder"
folder=$(cd -- "$folder" && pwd)

exec 9>"$folder/.lock"
flock --nonblock 9 || fail "another backup into $folder is at work"
# Of backups that were killed.
rm -rf -- "$folder"/.unfinished-*

services=$(compose ps --services --status running)
runs postgres || fail "PostgreSQL does not run, so that nothing can be read from it: make up"

made=$(date -u +%Y%m%dT%H%M%SZ)
target=$folder/amodels-$made
if [[ -e $target ]]; then
    fail "$target is there already"
fi
work=$folder/.unfinished-$made
mkdir -- "$work"

for database in "${databases[@]}"; do
    say "$database.dump"
    compose exec --no-TTY postgres \
        pg_dump --username=postgres --format=custom --dbname="$database" \
        </dev/null >"$work/$database.dump"
    compose exec --no-TTY postgres pg_restore --list <"$work/$database.dump" >/dev/null ||
        fail "$database.dump is not whole"
done

# Which version of an artifact is current, before the versions themselves: one that becomes current
# meanwhile may have been made too late to be in the archive.
archive home code-location '
    cd /var/lib/amodels
    { [ ! -d artifacts ] || find artifacts -mindepth 3 -maxdepth 3 -name current; } >/tmp/pointers
    tar --create --file=- --files-from=/tmp/pointers --anchored --no-wildcards-match-slash \
        --exclude="./artifacts/*/*/current" --exclude=./.cache --exclude=./.triton .'

# These write to their files as they like: they rest for as long as it takes to copy them.
for service in redis neo4j; do
    if ! runs "$service"; then
        say "$service does not run and is left out"
        continue
    fi
    stopped=$service
    compose stop "$service" </dev/null
    archive "$service" "$service" 'tar --create --file=- --directory=/data .'
    compose start "$service" </dev/null
    stopped=""
done

say "MANIFEST"
(
    cd -- "$work"
    files=(*.dump *.tar)
    printf '# amodels backup, format 1\n# made %s\n' "$made"
    printf '# commit %s\n' "$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)"
    compose images | sed -n "2,\$ s/^/# image /p" | tr -s " "
    for file in "${files[@]}"; do
        printf '# bytes %s %s\n' "$(stat -c %s -- "$file")" "$file"
    done
    sha256sum -- "${files[@]}"
    printf '# files %s\n' "${#files[@]}"
) >"$work/MANIFEST"

sync -- "$work"/* "$work"
mv --no-target-directory -- "$work" "$target"
work=""
sync -- "$folder"
say "$(du -sh -- "$target" | cut -f 1) in $target"
