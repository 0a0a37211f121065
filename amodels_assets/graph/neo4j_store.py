"""A graph in Neo4j 5, or in a server that is compatible with it, through the official driver.

Belongs here: the connection, with errors that name no password. Does not belong here: the Cypher of
loading (``load.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString, cast
from urllib.parse import unquote, urlsplit

from amodels_assets.graph.model import GraphError

_CONNECT_SECONDS = 10
_RETRY_SECONDS = 15
SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")


class Neo4jGraph:
    """A graph in a database of a server."""

    def __init__(self, driver: Any, database: str | None) -> None:
        """Use a database through a driver."""
        self._driver = driver
        self._database = database

    def ask(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a Cypher query with bound parameters; rows as dictionaries."""
        from neo4j import RoutingControl

        return self._run(query, parameters, RoutingControl.READ)

    def write(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement in a transaction of its own, again where the server asks for it."""
        from neo4j import RoutingControl

        return self._run(query, parameters, RoutingControl.WRITE)

    def _run(self, query: str, parameters: dict[str, Any], routing: Any) -> list[dict[str, Any]]:
        # Labels and types come from closed lists; nothing else is ever part of a statement.
        text = cast("LiteralString", query)
        result = self._driver.execute_query(
            text, parameters, database_=self._database, routing_=routing
        )
        return [record.data() for record in result.records]


@contextmanager
def connected_graph(url: str) -> Generator[Neo4jGraph]:
    """A store that has answered, closed at the end.

    Args:
        url: ``neo4j://user:password@host:port/database``; ``bolt://`` for one server without
            routing, ``+s`` for TLS; the server's default database where none is named.

    Raises:
        GraphError: It cannot be reached, does not let us in, or fails while it is used.
    """
    try:
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError, Neo4jError
    except ImportError:
        raise GraphError("neo4j is not installed: say pip install 'amodels[neo4j]'") from None
    address, auth, database = _taken_apart(url)
    # What the driver logs is told again by the errors that it raises.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    driver = GraphDatabase.driver(
        address,
        auth=auth,
        connection_timeout=_CONNECT_SECONDS,
        max_transaction_retry_time=_RETRY_SECONDS,
        warn_notification_severity="OFF",
        notifications_min_severity="OFF",
        user_agent="amodels",
    )
    with driver:
        try:
            driver.verify_connectivity()
        except (DriverError, Neo4jError, OSError) as error:
            raise GraphError(
                f"{address} cannot be reached: {_first_line(error)}; check AMODELS_NEO4J_URL, the "
                "password and that the server runs"
            ) from None
        try:
            yield Neo4jGraph(driver, database)
        except (DriverError, Neo4jError, OSError) as error:
            raise GraphError(
                f"{address} failed: {_first_line(error)}; when that is mended, materialize "
                "graph/neo4j again, it does what is left"
            ) from None


def _taken_apart(url: str) -> tuple[str, tuple[str, str] | None, str | None]:
    """Address without user and password, both of these, and the database."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 7687
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    # A sign that is not encoded in the password leaves its rest behind the host.
    rest = f"{parts.path}{parts.query}{parts.fragment}"
    if not host or "@" in rest or parts.scheme not in SCHEMES:
        raise GraphError(
            "AMODELS_NEO4J_URL cannot be read: give neo4j://user:password@host:port/database, "
            "with %2F for / and %23 for # in the password"
        )
    shown = f"[{host}]" if ":" in host else host
    auth = None
    if parts.username:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return f"{parts.scheme}://{shown}:{port}", auth, unquote(parts.path.strip("/")) or None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
