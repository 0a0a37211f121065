"""What can be expected of a table: plain data, no engine and no Dagster."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One statement about a table that is true or false.

    Attributes:
        name: Becomes the name of the asset check, unique within the suite.
        type: Great Expectations' snake-case type, ``expect_column_values_to_not_be_null``.
        arguments: Keyword arguments of that type.
        description: The statement in words, for the reader of the Dagster UI.
        critical: A failure blocks what is downstream; otherwise it is a warning.
    """

    name: str
    type: str
    arguments: dict[str, Any]
    description: str
    critical: bool = True


@dataclass(frozen=True)
class Suite:
    """Expectations on one table of one artifact.

    Attributes:
        asset_key: Path of the Dagster asset that carries the checks.
        artifact: Name of the artifact that holds the table.
        table: The table's Parquet file, without ``.parquet``.
        expectations: The statements.
        columns: Columns that the statements need; others are not loaded.
    """

    asset_key: tuple[str, ...]
    artifact: str
    table: str
    expectations: tuple[Expectation, ...]
    columns: tuple[str, ...]

    def definition(self) -> dict[str, Any]:
        """The suite as JSON-serialisable data, to recognise a changed suite."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """Result of one expectation: whether it held, and figures that say why not."""

    expectation: Expectation
    passed: bool
    figures: dict[str, Any] = field(default_factory=dict)
