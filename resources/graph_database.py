"""The graph database that gets a copy of the knowledge graph, as a Dagster resource."""

import dagster as dg


class GraphDatabaseResource(dg.ConfigurableResource):
    """A server that speaks Bolt.

    Give the URL as an environment variable (``dg.EnvVar``): its value then never reaches run
    storage.

    Attributes:
        url: ``neo4j://user:password@host:port/database``.
    """

    url: str

    def __repr__(self) -> str:
        """Name the class only: the URL may hold a password."""
        return "GraphDatabaseResource(***)"

    __str__ = __repr__
