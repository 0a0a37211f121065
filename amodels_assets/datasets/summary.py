"""What a finished data set says of itself: tables, columns by kind, splits, what was left out.

Belongs here: reading ``dataset.json`` for people and programs. Does not belong here: the rows
(``dataset.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.relational import (
    COLUMN_KINDS,
    SPLITS,
    RelationalSpec,
    SpecError,
    parse_spec,
)


@dataclass(frozen=True)
class DatasetSummary:
    """A data set without its rows.

    Attributes:
        spec: Its declaration.
        rows: Number of rows by table.
        splits: By split its rows, and positives, classes or mean of the labels.
        boundaries: First cut-offs of validation and test, where the split follows time.
        left_out: Predictions that are in no split, by reason.
        columns_left_out: Why a column or key of the source is not in it, by ``table.column``.
        dangling: Values that point to no row by foreign key; those without any are not named.
    """

    spec: RelationalSpec
    rows: dict[str, int]
    splits: dict[str, dict[str, float]]
    boundaries: dict[str, str]
    left_out: dict[str, int]
    columns_left_out: dict[str, str]
    dangling: dict[str, int]

    @property
    def predictions(self) -> int:
        """Rows of all splits together."""
        return int(sum(split["rows"] for split in self.splits.values()))

    @property
    def figures(self) -> list[str]:
        """What the splits tell beside their rows: positives, classes or the mean."""
        return [name for name in self.splits["train"] if name != "rows"]

    def splits_as_markdown(self) -> str:
        """A table with a row a split."""
        head = ["split", "predictions", *self.figures]
        rows = [
            [split, *(in_words(values[name]) for name in ("rows", *self.figures))]
            for split, values in self.splits.items()
        ]
        return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])

    def to_json(self) -> dict[str, Any]:
        """The same as JSON-serialisable data."""
        spec, task = self.spec, self.spec.task
        return {
            "name": spec.name,
            "description": spec.description,
            "task": {
                "kind": task.kind,
                "target": f"{task.table}.{task.target_column}",
                "entity": spec.entity_table.name,
                "cutoff": f"{task.table}.{task.cutoff_column}",
            },
            "tables": {
                table.name: {
                    "rows": self.rows[table.name],
                    "primary_key": table.primary_key,
                    "foreign_keys": dict(table.foreign_keys),
                    "time_column": table.time_column,
                    "columns": columns_by_kind(table.columns),
                }
                for table in spec.tables
            },
            "splits": self.splits,
            "boundaries": self.boundaries,
            "left_out": self.left_out,
            "columns_left_out": self.columns_left_out,
            "dangling_foreign_keys": self.dangling,
        }


def in_words(figure: float) -> str:
    """A figure as people read it."""
    return f"{figure:,.4g}" if isinstance(figure, float) else f"{figure:,}"


def columns_by_kind(columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Names of a table's columns by kind, kinds without a column left out."""
    found = {kind: [c for c, of in columns.items() if of == kind] for kind in COLUMN_KINDS}
    return {kind: names for kind, names in found.items() if names}


def read_summary(folder: Path) -> DatasetSummary:
    """Read what ``build_dataset`` wrote last, without reading a row.

    Raises:
        DatasetError: The folder holds no finished data set, or none of this release.
    """
    path = folder / "dataset.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        spec = parse_spec(raw["spec"], str(path))
        return DatasetSummary(
            spec=spec,
            rows={table.name: int(raw["rows"][table.name]) for table in spec.tables},
            splits={split: dict(raw["splits"][split]) for split in SPLITS},
            boundaries=dict(raw["boundaries"]),
            left_out=dict(raw["left_out"]),
            columns_left_out=dict(raw.get("columns_left_out", {})),
            dangling={name: count for name, count in raw["dangling_foreign_keys"].items() if count},
        )
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder} holds no data set: build one with amodels datasets build"
        ) from error
    except (OSError, AttributeError, KeyError, TypeError, ValueError, SpecError) as error:
        raise DatasetError(f"{path} cannot be read: build the data set again") from error
