"""Dagster's history over simulated weeks, pruned and not: size of its tables, speed of the web UI.

A real run of assets with checks is the template; a real PostgreSQL writes its rows again and again,
under other run ids and at other times. After each week of the pruned history what the
asset pages show is compared with what they showed before.

Example:
    python tests/benchmarks/retention.py --json retention.json
    python tests/benchmarks/retention.py --events 60000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log import schema as events
from dagster._core.storage.runs import schema as runs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from amodels_assets.run_history.prune import prune  # noqa: E402
from tests.benchmarks.catalog import table  # noqa: E402
from tests.benchmarks.store_servers import postgresql  # noqa: E402

Json = dict[str, Any]
EVENT_TABLES = (
    events.SqlEventLogStorageTable,
    events.AssetEventTagsTable,
    events.AssetCheckExecutionsTable,
)
TEMPLATE_TABLES = (*EVENT_TABLES, runs.RunsTable, runs.RunTagsTable)
WEEK = timedelta(weeks=1)


def assets(count: int) -> list[dg.AssetsDefinition]:
    """Assets with a check each, one after the other."""

    def asset(number: int) -> dg.AssetsDefinition:
        spec = dg.AssetCheckSpec("is_good", asset=f"asset_{number}")

        @dg.asset(
            name=f"asset_{number}",
            deps=[f"asset_{number - 1}"] if number else [],
            check_specs=[spec],
        )
        def made() -> dg.MaterializeResult:
            return dg.MaterializeResult(
                metadata={"dagster/row_count": number, "path": "some/where"},
                data_version=dg.DataVersion(str(number)),
                check_results=[dg.AssetCheckResult(passed=True, metadata={"rows": number})],
            )

        return made

    return [asset(number) for number in range(count)]


class History:
    """An instance whose history is written from a template, by the database itself."""

    def __init__(self, instance: dg.DagsterInstance, count: int) -> None:
        self.instance = instance
        assert isinstance(instance.event_log_storage, SqlEventLogStorage)
        self.storage = instance.event_log_storage
        # As the web server does: one connection that stays, not one a question.
        self.storage.optimize_for_webserver(60_000, pool_recycle=3600, max_overflow=5)
        instance.run_storage.optimize_for_webserver(60_000, pool_recycle=3600, max_overflow=5)
        self.definitions = assets(count)
        quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        self.template = dg.materialize(self.definitions, instance=instance, run_config=quiet).run_id
        self.run_ids: list[str] = []
        with self.storage.index_connection() as connection:
            # Of each table the first number that the template does not have.
            self.stride = {
                each: (connection.execute(sa.select(sa.func.max(each.c.id))).scalar() or 0) + 1
                for each in TEMPLATE_TABLES
            }
            event = events.SqlEventLogStorageTable
            of_template = sa.select(sa.func.count()).where(self._of_template(event))
            self.events_of_a_run = connection.execute(of_template).scalar() or 0

    def write(self, moments: Sequence[datetime]) -> None:
        """Runs at some moments."""
        numbered = [
            (str(uuid.uuid4()), number, moment.astimezone(UTC).replace(tzinfo=None))
            for number, moment in enumerate(moments, len(self.run_ids) + 1)
        ]
        self.run_ids += [run_id for run_id, _, _ in numbered]
        copies = sa.values(
            sa.column("run_id", sa.String),
            sa.column("number", sa.BigInteger),
            sa.column("moment", sa.TIMESTAMP),
            name="copies",
        ).data(numbered)
        with self.storage.index_transaction() as connection:
            for each in TEMPLATE_TABLES:
                columns = [self._copied(each, column, copies) for column in each.c]
                rows = sa.select(*columns).select_from(sa.join(each, copies, sa.true()))
                rows = rows.where(self._of_template(each))
                connection.execute(sa.insert(each).from_select(list(each.c), rows))
            connection.execute(sa.update(events.AssetKeyTable).values(last_run_id=self.run_ids[-1]))

    def _of_template(self, table: sa.Table) -> sa.ColumnElement[bool]:
        if "run_id" in table.c:
            return table.c.run_id == self.template
        event = events.SqlEventLogStorageTable.c
        return table.c.event_id.in_(sa.select(event.id).where(event.run_id == self.template))

    def _copied(self, table: sa.Table, column: sa.Column, copy: sa.Values) -> sa.ColumnElement[Any]:
        if column.name == "id":
            return column + copy.c.number * self.stride[table]
        if column.name.endswith("event_id") or column.name.endswith("event_storage_id"):
            return column + copy.c.number * self.stride[events.SqlEventLogStorageTable]
        if column.name in ("start_time", "end_time"):
            return sa.func.extract("epoch", copy.c.moment)
        if isinstance(column.type, sa.DateTime):
            return copy.c.moment
        if isinstance(column.type, sa.String):
            return sa.func.replace(column, self.template, copy.c.run_id)
        return column

    def bytes(self) -> int:
        """Of the tables with events and their indexes."""
        with self.storage.index_connection() as connection:
            sizes = [
                connection.execute(sa.select(sa.func.pg_total_relation_size(each.name))).scalar()
                for each in EVENT_TABLES
            ]
        return sum(size or 0 for size in sizes)

    def rows_now(self) -> int:
        """Events that are there."""
        with self.storage.index_connection() as connection:
            query = sa.select(sa.func.count()).select_from(events.SqlEventLogStorageTable)
            return connection.execute(query).scalar() or 0

    def looks(self) -> dict[str, Callable[[], object]]:
        """What the pages of the web UI ask for."""
        keys = [key for each in self.definitions for key in each.keys]
        checks = [key for each in self.definitions for key in each.check_keys]
        newest = self.run_ids[-1]
        return {
            "asset graph": lambda: (
                self.instance.get_asset_records(keys),
                self.storage.get_asset_check_summary_records(checks),
            ),
            "an asset's events": lambda: self.instance.fetch_materializations(keys[0], limit=100),
            "runs": lambda: (
                self.instance.get_run_records(limit=25),
                self.instance.get_runs_count(),
            ),
            "a run": lambda: (
                self.storage.get_records_for_run(newest, limit=1000),
                self.storage.get_stats_for_run(newest),
            ),
        }

    def current(self) -> object:
        """What is newest of each asset and check."""
        keys = [key for each in self.definitions for key in each.keys]
        checks = [key for each in self.definitions for key in each.check_keys]
        with self.storage.index_connection() as connection:
            event = events.SqlEventLogStorageTable.c
            newest = sa.select(event.asset_key, event.dagster_event_type, sa.func.max(event.id))
            query = newest.where(event.asset_key.is_not(None)).group_by(
                event.asset_key, event.dagster_event_type
            )
            ids = sorted(map(tuple, connection.execute(query)), key=str)
        return (
            ids,
            [self.instance.get_latest_materialization_event(key) for key in keys],
            self.storage.get_latest_asset_check_execution_by_key(checks),
        )


def simulate(pruned: History, kept: History, options: argparse.Namespace) -> list[Json]:
    """Week after week, the same into both; a row of figures each.

    What pages ask for is asked of both in turn, so that what else the machine does meets both.
    """
    per_week = max(1, options.events // pruned.events_of_a_run // options.weeks)
    start = datetime.now(UTC) - options.weeks * WEEK
    found = []
    for week in range(options.weeks):
        begins = start + week * WEEK
        for history in (pruned, kept):
            history.write([begins + WEEK * (number / per_week) for number in range(per_week)])
        before = pruned.current()
        began = time.monotonic()
        done = prune(pruned.instance, before=begins + WEEK - options.keep_weeks * WEEK)
        row: Json = {
            "week": week + 1,
            "seconds": round(time.monotonic() - began, 1),
            "events removed": done.events,
        }
        assert pruned.current() == before, "something current is gone"
        for title, history in (("pruned", pruned), ("kept", kept)):
            row |= {
                f"events, {title}": history.rows_now(),
                f"MB, {title}": round(history.bytes() / 1e6),
            }
        for name, look in pruned.looks().items():
            pairs = [_pair(look, kept.looks()[name], number) for number in range(options.pairs)]
            row |= {
                f"{name}, pruned, ms": round(median(pair[0] for pair in pairs), 1),
                f"{name}, kept, ms": round(median(pair[1] for pair in pairs), 1),
                f"{name}, ratio": round(median(pair[0] / pair[1] for pair in pairs), 2),
            }
        print(row, file=sys.stderr, flush=True)
        found.append(row)
    return found


def _pair(
    first: Callable[[], object], second: Callable[[], object], number: int
) -> tuple[float, float]:
    """Milliseconds of both; every other time the second goes first."""
    if number % 2:
        theirs, ours = _pair(second, first, 0)
        return ours, theirs
    return _milliseconds(first), _milliseconds(second)


def _milliseconds(look: Callable[[], object]) -> float:
    began = time.monotonic()
    look()
    return 1000 * (time.monotonic() - began)


@contextmanager
def history_in(folder: Path, count: int) -> Iterator[History]:
    """An instance in a PostgreSQL of its own."""
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    with postgresql(folder / "postgresql") as server:
        server.run("ALTER SYSTEM RESET autovacuum")
        server.run("SELECT pg_reload_conf()")
        url = sa.make_url(server.url).set(drivername="postgresql+psycopg2")
        os.environ["DAGSTER_HOME"] = str(home)
        os.environ["DAGSTER_POSTGRES_URL"] = url.render_as_string(hide_password=False)
        with dg.DagsterInstance.get() as instance:
            yield History(instance, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="written in all")
    parser.add_argument("--assets", type=int, default=30, help="assets of a run")
    parser.add_argument("--weeks", type=int, default=12, help="simulated")
    parser.add_argument("--keep-weeks", type=int, default=4, help="that are kept")
    parser.add_argument("--pairs", type=int, default=15, help="of each look; medians are shown")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        histories = []
        for title in ("pruned", "kept"):
            folder = Path(name) / title
            folder.mkdir()
            # The server runs as a user of its own, who has to get through.
            for each in (folder.parent, folder):
                each.chmod(0o755)
            histories.append(stack.enter_context(history_in(folder, options.assets)))
        rows = simulate(histories[0], histories[1], options)
    table("pruned every week, and never", {row["week"]: row for row in rows})
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
