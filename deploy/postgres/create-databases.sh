#!/bin/bash
# Makes the platform's user and its three databases. PostgreSQL's image runs it once, when the volume
# is empty; what is made later (tables) is made by whoever needs it.
set -eu
: "${AMODELS_POSTGRES_PASSWORD:?}"
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\getenv password AMODELS_POSTGRES_PASSWORD
CREATE ROLE amodels LOGIN PASSWORD :'password';
-- Its password is the platform's: from the network it could be used to gain more than that.
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
for name in dagster replica operations; do
    createdb --username="${POSTGRES_USER:-postgres}" --maintenance-db=postgres --owner=amodels "$name"
done
