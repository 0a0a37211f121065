"""Connection to the relational database that holds the replica, as a Dagster resource."""

import dagster as dg


class DatabaseResource(dg.ConfigurableResource):
    """A database by SQLAlchemy URL.

    Attributes:
        url: ``sqlite:///path`` or ``postgresql+psycopg2://user:password@host/database``. Give it
            as an environment variable (``dg.EnvVar``) where it holds a password: its value then
            never reaches run storage.
    """

    url: str

    def __repr__(self) -> str:
        """Name the class only: the URL may hold a password."""
        return "DatabaseResource(url=***)"

    __str__ = __repr__
