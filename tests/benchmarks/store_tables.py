"""Rows and schemas in PostgreSQL, beside psql, ADBC and SQLAlchemy.

Belongs here: what is measured. Does not belong here: the loads themselves (``store_loads.py``), the
server (``store_servers.py``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from amodels_assets.schemas.plan import PlannedTable
from amodels_assets.schemas.replica import bring_up_to_date
from amodels_assets.schemas.source import CATALOG_TABLES, Source
from amodels_assets.sgmi.catalog import build_catalog
from tests.benchmarks.catalog import sample, say
from tests.benchmarks.store_data import target_table, write_rows
from tests.benchmarks.store_pairs import in_pairs
from tests.benchmarks.store_servers import PostgreSQL, measured

Json = dict[str, Any]
# Row by row a million would take minutes; fewer of them take as long each.
_SHARE_BY_LISTS = 20
_SHARE_ROW_BY_ROW = 50
_TABLE = "loaded"
_CHECKSUM = f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {_TABLE} t"


def bulk_load(server: PostgreSQL, folder: Path, rows: int, pairs: int) -> Json:
    """The same rows by every way, and what it costs to load a tenth of them."""
    say(f"writing {rows:,} rows")
    parquet, text = write_rows(folder, rows)
    checksums = set()

    def load(way: str, rows: int, *, all_of_them: bool = True) -> Json:
        figures: Json = {"rows": rows}
        _empty_table(server)
        if way == "psql":
            # The file's name reaches psql's own \copy; it is one of ours, without quotes.
            statement = f"\\copy {_TABLE} from '{text}' with (format csv)"
            figures |= measured(lambda: server.run(statement), server.process)
        else:
            task = {"way": way, "url": server.url, "table": _TABLE, "parquet": str(parquet)}
            own: Json = {}
            whole = measured(lambda: own.update(_loaded(task | {"rows": rows})), server.process)
            # Without the start of Python, which psql does not have.
            figures |= whole | own
        if all_of_them:
            checksums.add(server.run(_CHECKSUM))
        return figures

    found = in_pairs(
        pairs,
        {
            "aModels": lambda: load("amodels", rows),
            "psql \\copy": lambda: load("psql", rows),
            "adbc_ingest": lambda: load("adbc", rows),
            "SQLAlchemy, row by row": lambda: load(
                "rows", rows // _SHARE_ROW_BY_ROW, all_of_them=False
            ),
            "SQLAlchemy, lists of rows": lambda: load(
                "lists", rows // _SHARE_BY_LISTS, all_of_them=False
            ),
        },
    )
    if len(checksums) > 1:
        raise RuntimeError(f"what was loaded is not the same: {sorted(checksums)}")
    tenth = in_pairs(
        1, {"aModels, a tenth": lambda: load("amodels", rows // 10, all_of_them=False)}
    )
    _drop(server)
    return found | tenth


def _loaded(task: Json) -> Json:
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "store_loads.py"],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _empty_table(server: PostgreSQL) -> None:
    _drop(server)
    create = sa.schema.CreateTable(target_table(_TABLE)).compile(dialect=postgresql.dialect())
    server.run(str(create))
    # Nobody pays for what the one before has left in memory.
    server.run("CHECKPOINT")


def _drop(server: PostgreSQL) -> None:
    server.run(f"DROP TABLE IF EXISTS {_TABLE}")


def schema(server: PostgreSQL, folder: Path, pairs: int) -> Json:
    """A warehouse's tables, with and without its views, and the bare statements through psql."""
    source = sample(folder / "warehouse", "--profile", "warehouse")
    whole = build_catalog(source).tables
    catalog = {name: whole[name] for name in CATALOG_TABLES}
    tables = catalog["tables"].filter(pa.array(_are_tables(catalog["tables"])))
    without_views = catalog | {"tables": tables, "views": catalog["views"].slice(0, 0)}
    dump = folder / "schema.sql"

    def replicate(catalog: dict[str, pa.Table]) -> Json:
        url = _new_database(server)
        outcomes: list[Any] = []
        taken = Source("version", catalog, {}, _no_rows)
        figures = measured(lambda: outcomes.extend(bring_up_to_date(url, taken)), server.process)
        refused = [outcome for outcome in outcomes if outcome.action != "created"]
        if any(outcome.kind == "table" for outcome in refused):
            raise RuntimeError(f"not every table was made: {refused[0]}")
        if not dump.exists():
            _dump(server, url, dump)
        made = len(outcomes) - len(refused)
        return {"tables_and_views" if catalog["views"].num_rows else "tables": made} | figures

    def by_psql() -> Json:
        url = _new_database(server)
        command = [server.psql, url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", dump]
        figures = measured(
            lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), server.process
        )
        return {"tables": tables.num_rows} | figures

    found = in_pairs(
        pairs,
        {
            "aModels, tables": lambda: replicate(without_views),
            "psql, the same tables out of pg_dump": by_psql,
        },
    )
    return found | in_pairs(pairs, {"aModels, tables and views": lambda: replicate(catalog)})


def _are_tables(tables: pa.Table) -> list[bool]:
    return [kind == "table" for kind in tables["kind"].to_pylist()]


def _no_rows(_: PlannedTable) -> Iterator[pa.RecordBatch] | None:
    return None


def _new_database(server: PostgreSQL) -> str:
    """URL of an empty database, the only one of this benchmark."""
    server.run("DROP DATABASE IF EXISTS warehouse WITH (FORCE)")
    server.run("CREATE DATABASE warehouse")
    server.run("CHECKPOINT")
    url = sa.make_url(server.url).set(database="warehouse")
    return url.render_as_string(hide_password=False)


def _dump(server: PostgreSQL, url: str, path: Path) -> None:
    command = [server.psql.with_name("pg_dump"), "--schema-only", "--no-owner"]
    with path.open("w") as file:
        subprocess.run([*command, "--exclude-schema=amodels_replica", url], stdout=file, check=True)
