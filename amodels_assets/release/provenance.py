"""What a release stands on: checkpoint, data sets, catalog, source tables, the jobs that load them.

Belongs here: following manifests from a release back to the source. Does not belong here: which
release answered a request (``serving/audit_log.py``) and printing (``commands/trace_release.py``).

Every manifest names the data versions of what was read, so the way back is one of versions, not of
what is current now. Retention deletes checkpoints; a version that is gone is named as such.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore
from amodels_assets.release.evidence import RELEASE, read_release
from amodels_assets.release.language_evidence import RELEASE as LANGUAGE_RELEASE
from amodels_assets.sgmi.schema import SCHEMAS
from amodels_assets.sgmi.trace import Load, loads_of

CATALOG, ROWS = "sgmi/catalog", "sgmi/rows"
SOURCES = tuple(f"sgmi/{part}" for part in ("hive_ddl", "controlm", "scripts", "source_rows"))
RELEASES = (RELEASE, LANGUAGE_RELEASE)
TAUGHT = "train.parquet"
Name = tuple[str, str]


class ProvenanceError(ValueError):
    """There is no such release; the message names close ones."""


@dataclass(frozen=True)
class Version:
    """A version of something that was read.

    Attributes:
        name: Artifact, base model, or part of the source.
        data_version: What was read.
        made_at: ISO 8601, empty for what is no artifact or is gone.
        folder: Below the store's root; empty for what is no artifact or is gone.
        kept: False where it was an artifact and is no longer in the store.
    """

    name: str
    data_version: str
    made_at: str = ""
    folder: str = ""
    kept: bool = True


@dataclass(frozen=True)
class SourceTable:
    """A table or view of the warehouse.

    Attributes:
        name: ``database.table``.
        read: Whether it was read itself; otherwise a view that was read is made of it.
        jobs: That load it.
    """

    name: str
    read: bool
    jobs: tuple[Load, ...]


@dataclass(frozen=True)
class Provenance:
    """A release and all that it stands on.

    Attributes:
        release: Name.
        kind: ``relational_transformer`` or ``language_model``.
        released_at: ISO 8601.
        supersedes: Release that it took over from; empty for none.
        checkpoint: What was released.
        base: Model that the checkpoint was tuned from.
        stages: Everything in between, from the checkpoint to the catalog.
        sources: What the catalog was read from, by version.
        tables: Whose rows or descriptions were learned from.
    """

    release: str
    kind: str
    released_at: str
    supersedes: str
    checkpoint: Version
    base: Version | None
    stages: tuple[Version, ...]
    sources: tuple[Version, ...]
    tables: tuple[SourceTable, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return {
            **asdict(self),
            "base": asdict(self.base) if self.base else None,
            "tables": [
                {
                    "name": table.name,
                    "read": table.read,
                    "jobs": [
                        {
                            "job": load.job,
                            "trigger": load.trigger or None,
                            "cron": load.cron or None,
                            "file": load.file,
                            "line": load.line,
                        }
                        for load in table.jobs
                    ],
                }
                for table in self.tables
            ],
        }


def find_release(store: ArtifactStore, name: str) -> Artifact:
    """The newest artifact of a release of that name, of either kind of model.

    Raises:
        ProvenanceError: There is none.
    """
    known: dict[str, Artifact] = {}
    damaged = []
    for kind in RELEASES:
        for artifact in store.versions(kind):
            try:
                known[str(read_release(artifact)["release"])] = artifact
            except (ArtifactError, ValueError, KeyError):
                # It may be the one that is asked for, so it is said below.
                damaged.append(artifact.path.name)
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(close)}?" if close else "`amodels release show` has one"
    beside = f"; damaged: {', '.join(damaged)}" if damaged else ""
    raise ProvenanceError(f"there is no release {name!r}: {advice}{beside}")


def provenance_of(store: ArtifactStore, release: Artifact) -> Provenance:
    """Follow a release to its source.

    Raises:
        ArtifactError: A manifest or a table on the way is damaged.
    """
    manifest, at = read_release(release), release.manifest.created_at
    reference, named, base = manifest["checkpoint"], manifest["dataset"], manifest.get("base")
    whole = {"": reference["data_version"]}
    checkpoint = _Stage.found(store, reference["artifact"], whole, before=at)
    # Where retention took the checkpoint, its release still names the data set.
    inputs = {named["artifact"]: named["data_version"]}
    if checkpoint.artifact is not None:
        inputs, at = checkpoint.artifact.manifest.inputs, checkpoint.artifact.manifest.created_at
    stages, sources = _walk(store, inputs, before=at)
    return Provenance(
        release=manifest["release"],
        kind=manifest["kind"],
        released_at=release.manifest.created_at,
        supersedes=manifest["supersedes"] or "",
        checkpoint=checkpoint.version(store),
        base=Version(f"models/{base['name']}", base["version"]) if base else None,
        stages=tuple(stage.version(store) for stage in stages),
        sources=tuple(sources),
        tables=_tables(stages),
    )


@dataclass(frozen=True)
class _Stage:
    """An artifact that was read, and which of its files: ``""`` stands for all of them."""

    name: str
    read: dict[str, str]
    artifact: Artifact | None

    @classmethod
    def found(cls, store: ArtifactStore, name: str, read: dict[str, str], *, before: str) -> _Stage:
        """The newest version that has what was read, made before whoever read it."""

        def has(artifact: Artifact, part: str, wanted: str) -> bool:
            record = artifact.manifest.files.get(part)
            version = record.sha256 if record else artifact.data_version
            return version == wanted

        having = [
            artifact
            for artifact in store.versions(name)
            if all(has(artifact, part, wanted) for part, wanted in read.items())
        ]
        earlier = [artifact for artifact in having if artifact.manifest.created_at <= before]
        return cls(name, read, (earlier or having or [None])[-1])

    def version(self, store: ArtifactStore) -> Version:
        """For the reader."""
        if self.artifact is None:
            return Version(self.name, next(iter(self.read.values())), kept=False)
        manifest, path = self.artifact.manifest, self.artifact.path
        return Version(
            self.name,
            manifest.data_version,
            manifest.created_at,
            path.relative_to(store.root).as_posix(),
        )


def _walk(
    store: ArtifactStore, inputs: Mapping[str, str], *, before: str
) -> tuple[list[_Stage], list[Version]]:
    """Artifacts in the order in which they are met, and what is none."""
    stages: list[_Stage] = []
    sources: dict[Version, None] = {}
    ahead = [(inputs, before)]
    while ahead:
        read, before = ahead.pop(0)
        for name, parts in _by_artifact(read).items():
            stage = _Stage.found(store, name, parts, before=before)
            known = [s for s in stages if (s.name, s.artifact) == (name, stage.artifact)]
            if known:
                # Read by several: all their parts count.
                known[0].read.update(parts)
                continue
            stages.append(stage)
            if stage.artifact is not None:
                made = stage.artifact.manifest
                ahead.append((made.inputs, made.created_at))
        for name, version in sorted(read.items()):
            if name in SOURCES:
                sources[Version(name, version)] = None
    return stages, list(sources)


def _by_artifact(inputs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Versions that were read, by artifact and file."""
    found: dict[str, dict[str, str]] = {}
    for name, version in sorted(inputs.items()):
        room, _, rest = name.partition("/")
        if name in SOURCES or not rest or " " in name or room == "models":
            # No artifacts: the source's parts, base models, what was only compared with.
            continue
        artifact, file = name, ""
        if room == "sgmi" and rest.startswith("rows/"):
            artifact, file = ROWS, f"{rest.removeprefix('rows/')}.parquet"
        elif room == "sgmi" and rest in SCHEMAS:
            artifact, file = CATALOG, f"{rest}.parquet"
        found.setdefault(artifact, {})[file] = version
    return found


def _tables(stages: Iterable[_Stage]) -> tuple[SourceTable, ...]:
    """What was learned from, what that is made of, and who loads it."""
    read: set[Name] = set()
    catalog: Artifact | None = None
    for stage in stages:
        if stage.artifact is None:
            continue
        if stage.name == ROWS:
            files = (file.removesuffix(".parquet") for file in stage.read)
            read |= {_name(file) for file in files}
        elif TAUGHT in stage.artifact.manifest.files:
            taught = stage.artifact.table(TAUGHT.removesuffix(".parquet"))
            if "relations" in taught.column_names:
                told = taught["relations"].to_pylist()
                read |= {
                    _name(relation)
                    for relations in told
                    for relation in relations
                    # A question about a job that writes no table names the job.
                    if not relation.startswith("job ")
                }
        elif stage.name == CATALOG:
            catalog = catalog or stage.artifact
    if catalog is None:
        return tuple(SourceTable(".".join(name), True, ()) for name in sorted(read))
    lineage = catalog.table("table_lineage").to_pylist()
    all_of_them = _made_of(read, lineage)
    tables = {name: catalog.table(name) for name in ("job_tables", "job_schedules")}
    loads = loads_of(tables, all_of_them)
    return tuple(
        SourceTable(
            ".".join(name), name in read, tuple(load for load in loads if load.table == name)
        )
        for name in sorted(all_of_them)
    )


def _name(text: str) -> Name:
    database, _, table = text.partition(".")
    return database, table


def _made_of(read: set[Name], lineage: Iterable[Mapping[str, str]]) -> set[Name]:
    """The same with everything that they are made of, however deep."""
    sources: dict[Name, set[Name]] = {}
    for row in lineage:
        target = row["target_database"], row["target_table"]
        sources.setdefault(target, set()).add((row["source_database"], row["source_table"]))
    found, ahead = set(read), list(read)
    while ahead:
        new = sources.get(ahead.pop(), set()) - found
        found |= new
        ahead.extend(new)
    return found
