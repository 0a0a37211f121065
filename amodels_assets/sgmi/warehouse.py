"""All dump files together: databases, tables and views.

Belongs here: which of two definitions counts, what columns everything has. Does not belong here:
reading one file (``hive.py``), lineage (``lineage_work.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from amodels_assets.sgmi.ddl import Columns, Table
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.hive import Dump, HiveObject, NamedDatabase, read_dump
from amodels_assets.sgmi.lineage_graph import ViewLineage, ViewQuery
from amodels_assets.sgmi.lineage_work import WarehouseLineage, warehouse_lineage
from amodels_assets.sgmi.parallel import fair_shares, fork_map
from amodels_assets.sgmi.views import View


@dataclass
class Warehouse:
    """Everything that the dumps define.

    Attributes:
        databases: Name to location.
        objects: By database and name, in the order in which they were first defined.
    """

    databases: dict[str, str] = field(default_factory=dict)
    objects: dict[tuple[str, str], HiveObject] = field(default_factory=dict)


def read_dumps(
    files: list[tuple[Path, str]],
    diagnostics: Diagnostics,
    workers: int = 1,
    meanwhile: Callable[[], object] | None = None,
) -> Warehouse:
    """Read all dump files of a source directory in the order given.

    Args:
        files: Path, and name for diagnostics.
        diagnostics: Gets the faults.
        workers: Processes that read.
        meanwhile: What this process does while several others read.

    Raises:
        WorkerError: One of several processes was killed.
    """

    def read(share: list[int]) -> list[Dump]:
        return [_read_file(*files[index]) for index in share]

    sizes = [_size(path) for path, _ in files]
    shares = fair_shares(range(len(files)), sizes, workers)
    found = fork_map(read, shares, meanwhile)
    dumps = dict(zip(chain(*shares), chain(*found), strict=True))
    warehouse = Warehouse()
    for _, dump in sorted(dumps.items()):
        _add(dump, warehouse, diagnostics)
    return warehouse


def _read_file(path: Path, name: str) -> Dump:
    try:
        data = path.read_bytes()
    except OSError as error:
        dump = Dump()
        text = f"the file cannot be read: {error.strerror}"
        dump.diagnostics.error("unreadable_file", text, name)
        return dump
    return read_dump(data, name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _add(dump: Dump, warehouse: Warehouse, diagnostics: Diagnostics) -> None:
    """Decide which definition counts; the later one does."""
    diagnostics.found += dump.diagnostics.found
    databases, objects = warehouse.databases, warehouse.objects
    for found in dump.contents:
        if isinstance(found, NamedDatabase):
            wrong = found.instead_of
            if wrong and not any(known.database == wrong for known in objects.values()):
                databases.setdefault(found.name, databases.pop(wrong, ""))
            databases[found.name] = found.location or databases.get(found.name, "")
            continue
        databases.setdefault(found.database, "")
        key = (found.database, found.name)
        earlier = objects.get(key)
        if earlier is not None:
            _report_repeated(earlier, found, diagnostics)
        objects[key] = found


def _report_repeated(earlier: HiveObject, found: HiveObject, diagnostics: Diagnostics) -> None:
    name = f"{found.database}.{found.name}"
    there, here = f"{found.file}:{found.line}", f"{earlier.file}:{earlier.line}"
    if earlier.fingerprint == found.fingerprint:
        found.defects.add("duplicate_identical")
        text = f"the same definition stands at {here}"
        diagnostics.warning("duplicate_identical", text, found.file, found.line, name)
        return
    found.defects.add("duplicate_different")
    text = f"replaced by the later, different definition at {there}"
    diagnostics.warning("duplicate_different", text, earlier.file, earlier.line, name)
    text = f"takes the place of the different definition at {here}"
    diagnostics.warning("duplicate_different", text, found.file, found.line, name)


def follow_views(
    warehouse: Warehouse, workers: int = 1, meanwhile: Callable[[], object] | None = None
) -> WarehouseLineage:
    """Lineage of all views.

    Args:
        warehouse: All dumps.
        workers: Processes that follow views.
        meanwhile: What this process does while several others follow the last of them.
    """
    tables = {
        key: dict(zip(found.definition.columns.names, found.definition.columns.types, strict=True))
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, Table)
    }
    views = {
        key: ViewQuery(found.definition.body, tuple(n for n, _ in found.definition.columns))
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, View)
    }
    return warehouse_lineage(views, tables, workers, meanwhile)


def all_columns(warehouse: Warehouse, lineage: ViewLineage) -> dict[tuple[str, str], Columns]:
    """Columns of every table and view, in order; a view's are what its body puts out."""
    columns: dict[tuple[str, str], Columns] = {}
    for key, found in warehouse.objects.items():
        if isinstance(found.definition, Table):
            columns[key] = found.definition.columns
            continue
        comments = dict(found.definition.columns)
        types = lineage.schemas.get(key) or dict.fromkeys(comments, "")
        said = [comments.get(name, "") for name in types]
        columns[key] = Columns(list(types), list(types.values()), said)
    return columns
