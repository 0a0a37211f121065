"""What the checks by hand find in the catalog; ``checks.py`` reports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from amodels_assets.sgmi.rows import arrow_type

MOST_UNRESOLVED = 0.05


@dataclass(frozen=True)
class Finding:
    """Outcome of one check.

    Attributes:
        check: Its name.
        passed: Whether it holds.
        blocking: Whether a failure stops what is downstream.
        description: One sentence; names the first place where it does not hold.
        figures: JSON-serialisable.
    """

    check: str
    passed: bool
    blocking: bool
    description: str
    figures: dict[str, int | float] = field(default_factory=dict)


def no_error_diagnostics(diagnostics: pa.Table) -> Finding:
    """Whether nothing of the input was lost."""
    faults = [d for d in diagnostics.to_pylist() if d["severity"] == "error"]
    text = "no diagnostic is an error"
    if faults:
        first = faults[0]
        text = (
            f"{_number(len(faults), 'error')} in the source, the first at "
            f"{first['file']}:{first['line']}: {first['message']}; "
            "export the file again or take it away"
        )
    return Finding("no_error_diagnostics", not faults, True, text, {"errors": len(faults)})


def column_positions_contiguous(columns: pa.Table) -> Finding:
    """Whether each table's positions count up from 0 without a gap."""
    positions: dict[tuple[str, str], list[int]] = {}
    for database, table, position in zip(
        *(columns.column(n).to_pylist() for n in ("database", "table", "position")), strict=True
    ):
        positions.setdefault((database, table), []).append(position)
    wrong = [name for name, found in positions.items() if sorted(found) != list(range(len(found)))]
    text = f"positions have no gap in {_number(len(positions), 'table')}"
    if wrong:
        text = f"positions have gaps in {_number(len(wrong), 'table')}, first {'.'.join(wrong[0])}"
    return Finding("column_positions_contiguous", not wrong, True, text, {"tables": len(wrong)})


def lineage_targets_exist(lineage: pa.Table, columns: pa.Table) -> Finding:
    """Whether every target is a column of the catalog, or stands for a whole view of it."""
    known = set(
        zip(*(columns.column(n).to_pylist() for n in ("database", "table", "column")), strict=True)
    )
    views = {key[:2] for key in known}
    names = ("target_database", "target_table", "target_column")
    targets = set(zip(*(lineage.column(n).to_pylist() for n in names), strict=True))
    wrong = sorted(t for t in targets - known if t[2] != "*" or t[:2] not in views)
    text = f"all {_number(len(targets), 'target')} are columns of the catalog"
    if wrong:
        text = f"{_number(len(wrong), 'target')} unknown to the catalog, first {'.'.join(wrong[0])}"
    return Finding("lineage_targets_exist", not wrong, True, text, {"targets": len(wrong)})


def unresolved_lineage_share(lineage: pa.Table) -> Finding:
    """Whether the share of unresolved edges stays below ``MOST_UNRESOLVED``."""
    resolved = lineage.column("resolved").to_pylist()
    share = resolved.count(False) / len(resolved) if resolved else 0.0
    text = f"{share:.1%} of {_number(len(resolved), 'edge')} have a source that is not in the dumps"
    return Finding(
        "unresolved_lineage_share", share <= MOST_UNRESOLVED, False, text, {"share": share}
    )


def rows_match_catalog(
    found: Mapping[str, pa.Schema], columns: pa.Table, faults: pa.Table
) -> Finding:
    """Whether each file of rows has the catalog's columns and types, and no row was lost.

    Args:
        found: Arrow schema of the rows by ``database.table``.
        columns: The catalog's ``columns``.
        faults: Diagnostics of reading the rows.
    """
    expected: dict[str, list[tuple[str, pa.DataType]]] = {}
    for row in columns.to_pylist():
        columns_of = expected.setdefault(f"{row['database']}.{row['table']}", [])
        columns_of.append((row["column"], arrow_type(row["type"] or "string")))
    wrong = [
        f"{name} has other columns than the catalog says"
        for name, schema in sorted(found.items())
        if [(f.name, f.type) for f in schema] != expected.get(name)
    ]
    wrong += [
        f"{d['file']}:{d['line']}: {d['message']}"
        for d in faults.to_pylist()
        if d["severity"] == "error"
    ]
    text = f"{_number(len(found), 'table')} with rows are as the catalog says"
    if wrong:
        text = f"{_number(len(wrong), 'fault')}, the first: {wrong[0]}"
    return Finding("rows_match_catalog", not wrong, True, text, {"faults": len(wrong)})


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


BY_NAME: dict[str, Callable[..., Finding]] = {
    function.__name__: function
    for function in (
        no_error_diagnostics,
        column_positions_contiguous,
        lineage_targets_exist,
        unresolved_lineage_share,
    )
}
