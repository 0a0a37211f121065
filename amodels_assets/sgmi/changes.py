"""What changed between two catalogs, an event each.

Belongs here: comparing catalogs. Does not belong here: where the events go (``change_assets.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

CATALOG_TABLES = ("tables", "columns", "views", "jobs", "job_schedules")
# Where an object stands in the dumps does not matter, only what it is.
_PLACES = frozenset({"source_file", "line", "defects", "column_count", "partition_count"})
Rows = dict[tuple[str, ...], dict[str, Any]]


def catalog_changes(
    before: Mapping[str, pa.Table], after: Mapping[str, pa.Table]
) -> Iterator[dict[str, Any]]:
    """Events in a stable order: tables and views, then their columns, then jobs.

    The columns of a table that is new or gone have no events of their own.

    Args:
        before: The tables named in ``CATALOG_TABLES``; an empty mapping for no catalog.
        after: The same of the newer catalog.

    Yields:
        ``object`` (``table``, ``view``, ``column``, ``job``), ``name``, ``change`` (``added``,
        ``removed``, ``changed``) and, of a change, ``properties``: what differs, before and after.
    """
    old, new = _relations(before), _relations(after)
    for key in sorted(old.keys() | new.keys()):
        kind = (new.get(key) or old[key])["kind"]
        yield from _event(kind, key, old.get(key), new.get(key))
    both = old.keys() & new.keys()
    old_columns, new_columns = (_by(c, "columns", ("database", "table", "column"), both)
                                for c in (before, after))  # fmt: skip
    for key in sorted(old_columns.keys() | new_columns.keys()):
        yield from _event("column", key, old_columns.get(key), new_columns.get(key))
    old_jobs, new_jobs = _jobs(before), _jobs(after)
    for key in sorted(old_jobs.keys() | new_jobs.keys()):
        yield from _event("job", key, old_jobs.get(key), new_jobs.get(key))


def _event(
    kind: str,
    key: tuple[str, ...],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {"object": kind, "name": ".".join(key)}
    if before is None or after is None:
        yield {**event, "change": "removed" if after is None else "added"}
        return
    differing = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
    if differing:
        yield {**event, "change": "changed", "properties": differing}


def _relations(catalog: Mapping[str, pa.Table]) -> Rows:
    found = _by(catalog, "tables", ("database", "table"))
    for key, row in _by(catalog, "views", ("database", "table")).items():
        found.setdefault(key, {"kind": "view"}).update(row)
    return found


def _jobs(catalog: Mapping[str, pa.Table]) -> Rows:
    found = _by(catalog, "jobs", ("job",))
    schedules = defaultdict(list)
    for key, row in _by(catalog, "job_schedules", ("job",)).items():
        schedules[key].append(row)
    for key, rows in schedules.items():
        found.setdefault(key, {})["schedule"] = rows
    return found


def _by(
    catalog: Mapping[str, pa.Table],
    table: str,
    key: tuple[str, ...],
    among: Any = None,
) -> Rows:
    if table not in catalog:
        return {}
    found: Rows = {}
    for row in catalog[table].to_pylist():
        name = tuple(row.pop(part) for part in key)
        if among is None or name[:2] in among:
            found[name] = {k: v for k, v in row.items() if k not in _PLACES}
    return found
