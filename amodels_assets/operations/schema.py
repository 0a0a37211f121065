"""The tables of the record. Nothing else; how they came to be is in ``migrations``."""

from __future__ import annotations

import sqlalchemy as sa

# Newest file in migrations/versions.
HEAD = "0001"

METADATA = sa.MetaData()
_NAME = sa.Unicode(500)


def _figures() -> list[sa.Column]:
    names = ("seconds", "cpu_seconds", "gpu_seconds", "energy_joules", "cost")
    return [sa.Column(name, sa.Double) for name in names]


OPERATIONS = sa.Table(
    "operations",
    METADATA,
    sa.Column("operation_id", _NAME, primary_key=True),
    sa.Column("run_id", sa.Unicode(255), nullable=False),
    sa.Column("kind", sa.Unicode(20), nullable=False),
    sa.Column("room", sa.Unicode(255), nullable=False),
    sa.Column("name", _NAME, nullable=False),
    sa.Column("part", _NAME, nullable=False),
    sa.Column("status", sa.Unicode(20), nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    *_figures(),
    sa.Column("error_class", sa.Unicode(200), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index("operations_by_run", "run_id"),
    sa.Index("operations_by_start", "started_at"),
    sa.Index("operations_by_name", "name", "started_at"),
)

# What is left of operations that were pruned.
BY_DAY = sa.Table(
    "operations_by_day",
    METADATA,
    sa.Column("day", sa.Unicode(10), primary_key=True),
    sa.Column("kind", sa.Unicode(20), primary_key=True),
    sa.Column("room", sa.Unicode(255), primary_key=True),
    sa.Column("name", _NAME, primary_key=True),
    sa.Column("status", sa.Unicode(20), primary_key=True),
    sa.Column("error_class", sa.Unicode(200), primary_key=True),
    *_figures(),
    sa.Column("count", sa.BigInteger, nullable=False),
)

# How far a run's events were read, and which of Dagster's storages has them. What is settled is not
# read again.
RUNS = sa.Table(
    "operations_runs",
    METADATA,
    sa.Column("run_id", sa.Unicode(255), primary_key=True),
    sa.Column("last_event", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Unicode(20), nullable=False),
    sa.Column("log", sa.Unicode(64), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
)

# How far every other source was read.
CURSORS = sa.Table(
    "operations_cursors",
    METADATA,
    sa.Column("source", _NAME, primary_key=True),
    sa.Column("position", sa.Double, nullable=False),
)

# What somebody was told last, so that nobody is told twice; and what is being told right now.
NOTICES = sa.Table(
    "operations_notices",
    METADATA,
    sa.Column("subject", _NAME, primary_key=True),
    sa.Column("told", sa.Unicode(20), nullable=False),
    sa.Column("told_at", sa.Double),
    sa.Column("claimed", sa.Unicode(20), nullable=False),
    sa.Column("claimed_at", sa.Double),
)
