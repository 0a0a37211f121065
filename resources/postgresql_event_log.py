"""Dagster's event log in PostgreSQL, with places in pools that only one step can take.

Belongs here: what Dagster's own storage does not keep apart. Does not belong here: the settings
that name this class (``deploy/dagster.yaml``), and the same for SQLite (``event_log.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config

from resources.pool_places import PlacesTakenOnce


class PooledPostgresEventLogStorage(PlacesTakenOnce, PostgresEventLogStorage):
    """Dagster's own, but that a place in a pool is taken by one statement."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledPostgresEventLogStorage:
        """The storage that ``dagster.yaml`` asks for, of this class instead of Dagster's."""
        return cls(
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )
