"""Where a replica can stand: the embedded SQLite file, PostgreSQL, SAP HANA.

Belongs here: which targets an installation has. Does not belong here: connecting (``connect.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

VARIABLES = {"postgresql": "AMODELS_POSTGRES_URL", "hana": "AMODELS_HANA_URL"}
EMBEDDED = "sqlite"
TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "hana": "SAP HANA"}


@dataclass(frozen=True)
class Target:
    """A database that holds a replica.

    Attributes:
        name: ``sqlite``, ``postgresql`` or ``hana``; SQLAlchemy's name of the dialect as well.
        variable: Environment variable with the URL; empty for the embedded file.
    """

    name: str
    variable: str

    @property
    def title(self) -> str:
        """The database's name for people."""
        return TITLES[self.name]

    @property
    def artifact(self) -> str:
        """Name of the artifact that reports on the replica."""
        return f"schemas/{self.name}"


def configured_targets(variables: frozenset[str]) -> tuple[Target, ...]:
    """The targets whose variable is set; the embedded one where there is none.

    Args:
        variables: Names of the environment variables that are set.

    Example:
        >>> [target.name for target in configured_targets(frozenset())]
        ['sqlite']
        >>> [t.name for t in configured_targets(frozenset({"AMODELS_POSTGRES_URL"}))]
        ['postgresql']
    """
    found = tuple(Target(name, v) for name, v in VARIABLES.items() if v in variables)
    return found or (Target(EMBEDDED, ""),)
