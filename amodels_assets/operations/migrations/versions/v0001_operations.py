"""The first layout."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _figures() -> list[sa.Column]:
    names = ("seconds", "cpu_seconds", "gpu_seconds", "energy_joules", "cost")
    return [sa.Column(name, sa.Double) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.Unicode(500), primary_key=True),
        sa.Column("run_id", sa.Unicode(255), nullable=False),
        sa.Column("kind", sa.Unicode(20), nullable=False),
        sa.Column("room", sa.Unicode(255), nullable=False),
        sa.Column("name", sa.Unicode(500), nullable=False),
        sa.Column("part", sa.Unicode(500), nullable=False),
        sa.Column("status", sa.Unicode(20), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        *_figures(),
        sa.Column("error_class", sa.Unicode(200), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_index("operations_by_run", "operations", ["run_id"])
    op.create_index("operations_by_start", "operations", ["started_at"])
    op.create_index("operations_by_name", "operations", ["name", "started_at"])
    op.create_table(
        "operations_by_day",
        sa.Column("day", sa.Unicode(10), primary_key=True),
        sa.Column("kind", sa.Unicode(20), primary_key=True),
        sa.Column("room", sa.Unicode(255), primary_key=True),
        sa.Column("name", sa.Unicode(500), primary_key=True),
        sa.Column("status", sa.Unicode(20), primary_key=True),
        sa.Column("error_class", sa.Unicode(200), primary_key=True),
        *_figures(),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "operations_runs",
        sa.Column("run_id", sa.Unicode(255), primary_key=True),
        sa.Column("last_event", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Unicode(20), nullable=False),
        sa.Column("log", sa.Unicode(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "operations_cursors",
        sa.Column("source", sa.Unicode(500), primary_key=True),
        sa.Column("position", sa.Double, nullable=False),
    )
    op.create_table(
        "operations_notices",
        sa.Column("subject", sa.Unicode(500), primary_key=True),
        sa.Column("told", sa.Unicode(20), nullable=False),
        sa.Column("told_at", sa.Double),
        sa.Column("claimed", sa.Unicode(20), nullable=False),
        sa.Column("claimed_at", sa.Double),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("notices", "cursors", "runs", "by_day"):
        op.drop_table(f"operations_{table}")
    op.drop_table("operations")
