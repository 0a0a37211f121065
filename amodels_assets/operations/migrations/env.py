"""What Alembic runs: the steps, in the transaction of the connection that ``store.py`` gives."""

from alembic import context

from amodels_assets.operations.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="operations_version",
)
context.run_migrations()
