"""All dump files together: databases, tables and views.

Belongs here: which of two definitions counts, what columns everything has. Does not belong here:
reading one file (``hive.py``), lineage (``lineage_graph.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from amodels_assets.sgmi.ddl import Column, Table
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.hive import Dump, HiveObject, NamedDatabase, read_dump
from amodels_assets.sgmi.lineage_graph import ViewLineage, ViewQuery, view_lineage
from amodels_assets.sgmi.parallel import can_fork, fair_shares, fork_map
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
    files: list[tuple[Path, str]], diagnostics: Diagnostics, workers: int = 1
) -> Warehouse:
    """Read all dump files of a source directory in the order given.

    Args:
        files: Path, and name for diagnostics.
        diagnostics: Gets the faults.
        workers: Processes that read.

    Raises:
        WorkerError: One of several processes was killed.
    """

    def read(share: list[int]) -> list[Dump]:
        return [_read_file(*files[index]) for index in share]

    everything = list(range(len(files)))
    shares = [everything]
    if workers > 1 and can_fork():
        shares = fair_shares(everything, [_size(path) for path, _ in files], workers)
    found = fork_map(read, shares) if len(shares) > 1 else [read(share) for share in shares]
    dumps = dict(zip(chain(*shares), chain(*found), strict=True))
    warehouse = Warehouse()
    for index in everything:
        _add(dumps[index], warehouse, diagnostics)
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
    if " ".join(earlier.text.split()) == " ".join(found.text.split()):
        found.defects.add("duplicate_identical")
        text = f"the same definition stands at {here}"
        diagnostics.warning("duplicate_identical", text, found.file, found.line, name)
        return
    found.defects.add("duplicate_different")
    text = f"replaced by the later, different definition at {there}"
    diagnostics.warning("duplicate_different", text, earlier.file, earlier.line, name)
    text = f"takes the place of the different definition at {here}"
    diagnostics.warning("duplicate_different", text, found.file, found.line, name)


def follow_views(warehouse: Warehouse, workers: int = 1) -> ViewLineage:
    """Lineage of all views.

    Args:
        warehouse: All dumps.
        workers: Processes that follow views.
    """
    tables = {
        key: {column.name: column.type for column in found.definition.columns}
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, Table)
    }
    views = {
        key: ViewQuery(found.definition.body, tuple(n for n, _ in found.definition.columns))
        for key, found in warehouse.objects.items()
        if isinstance(found.definition, View)
    }
    return view_lineage(views, tables, workers)


def all_columns(warehouse: Warehouse, lineage: ViewLineage) -> dict[tuple[str, str], list[Column]]:
    """Columns of every table and view, in order; a view's are what its body puts out."""
    columns: dict[tuple[str, str], list[Column]] = {}
    for key, found in warehouse.objects.items():
        if isinstance(found.definition, Table):
            columns[key] = found.definition.columns
            continue
        comments = dict(found.definition.columns)
        query = lineage.direct.get(key)
        outputs = {name: o.type for name, o in query.columns.items()} if query else {}
        outputs = outputs or dict.fromkeys(comments, "")
        columns[key] = [
            Column(name, type_, comments.get(name, ""))
            for name, type_ in outputs.items()
            if name != "*"
        ]
    return columns
