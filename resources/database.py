"""Connections to the relational databases that hold replicas, as a Dagster resource."""

import dagster as dg


class DatabaseResource(dg.ConfigurableResource):
    """Databases by SQLAlchemy URL, empty where there is none.

    Give a URL as an environment variable (``dg.EnvVar``) where it holds a password: its value then
    never reaches run storage.

    Attributes:
        sqlite: ``sqlite:///path``.
        postgresql: ``postgresql://user:password@host:port/database``.
        hana: ``hana://user:password@host:port``.
    """

    sqlite: str = ""
    postgresql: str = ""
    hana: str = ""

    def url(self, target: str) -> str:
        """The URL of a target by its name."""
        return {"sqlite": self.sqlite, "postgresql": self.postgresql, "hana": self.hana}[target]

    def __repr__(self) -> str:
        """Name the class only: URLs may hold passwords."""
        return "DatabaseResource(***)"

    __str__ = __repr__
