"""Dagster's event log in SQLite, with places in pools that only one step can take.

Belongs here: what Dagster's own storage does not keep apart. Does not belong here: the settings
that name this class (``dagster.yaml``, which the command line writes), and the same for PostgreSQL
(``postgresql_event_log.py``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

from resources.pool_places import PlacesTakenOnce


class PooledSqliteEventLogStorage(PlacesTakenOnce, SqliteEventLogStorage):
    """Dagster's own, but that a place in a pool is taken by one statement."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Where the databases lie; below Dagster's home when nobody says."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PooledSqliteEventLogStorage:
        """The storage that ``dagster.yaml`` asks for.

        Raises:
            ValueError: Neither the file nor the environment says where it is.
        """
        folder, home = config_value.get("base_dir"), os.environ.get("DAGSTER_HOME")
        if not folder and not home:
            raise ValueError("set DAGSTER_HOME, or event_log_storage's base_dir in dagster.yaml")
        return cls(folder or str(Path(home or "") / "history" / "runs"), inst_data)
