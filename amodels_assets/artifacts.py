"""Content-addressed, atomic storage of everything that an asset makes.

Belongs here: publishing a folder of files as one artifact, its manifest, reading it back,
and the record of the checks that an artifact passed. Does not belong here: what the files
mean (that is each room's business) and anything about Dagster.

Layout below the store's root, for an artifact named ``room/name``::

    room/name/versions/<version>/...   the files, and manifest.json
    room/name/current                  one line: the version that is valid now
    room/name/checks/<check>.json      newest outcome of each check
    room/name/lock                     held while somebody publishes
    .staging/room--name-<fingerprint>  being written, never read by others

A version becomes visible by one rename of ``current``; until then readers see the old one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST_NAME = "manifest.json"


class ArtifactError(Exception):
    """An artifact is missing, damaged or cannot be written; the message says what to do."""


@dataclass(frozen=True)
class FileRecord:
    """Size in bytes and content hash of one file of an artifact."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What an artifact holds and what it was made from.

    Attributes:
        artifact: Name, ``room/name``.
        files: Relative POSIX path of each file to its record.
        inputs: Name of each input to the data version that was read.
        code_version: Version of the code that made it.
        config: JSON-serialisable settings that influence the content.
        libraries: Distribution name to version, for libraries that influence the content.
        data_version: SHA-256 over the files' names and hashes.
        fingerprint: SHA-256 over inputs, code version, config and libraries.
        created_at: ISO 8601 UTC; the only field that differs between two identical runs.
    """

    artifact: str
    files: dict[str, FileRecord]
    inputs: dict[str, str]
    code_version: str
    config: dict[str, Any]
    libraries: dict[str, str]
    data_version: str
    fingerprint: str
    created_at: str

    def to_json(self) -> str:
        """Serialise with sorted keys, ending in a newline."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse what :meth:`to_json` wrote."""
        raw = json.loads(text)
        raw["files"] = {name: FileRecord(**record) for name, record in raw["files"].items()}
        return cls(**raw)


@dataclass(frozen=True)
class Artifact:
    """One published version of an artifact.

    Attributes:
        path: Folder with the files.
        manifest: What they are.
        unchanged: True when :meth:`ArtifactStore.publish` found it already made.
    """

    path: Path
    manifest: Manifest
    unchanged: bool = field(default=False, compare=False)

    @property
    def data_version(self) -> str:
        """Content hash over all files."""
        return self.manifest.data_version

    def file_version(self, name: str) -> str:
        """Content hash of one file.

        Raises:
            ArtifactError: The artifact has no such file.
        """
        if name not in self.manifest.files:
            raise ArtifactError(f"{self.manifest.artifact} has no file {name!r}")
        return self.manifest.files[name].sha256

    def table(self, name: str) -> pa.Table:
        """Read ``<name>.parquet``, verified against its recorded hash.

        Raises:
            ArtifactError: The file is missing or its content is not what was published.
        """
        import pyarrow.parquet as pq

        return pq.read_table(self.verified_file(f"{name}.parquet"))

    def verified_file(self, name: str) -> Path:
        """Path of one file, after comparing its content with the recorded hash.

        Raises:
            ArtifactError: The file is missing or its content is not what was published.
        """
        expected = self.file_version(name)
        path = self.path / name
        if not path.is_file() or sha256_file(path) != expected:
            raise ArtifactError(
                f"{path} is missing or damaged: delete {self.path} and materialize "
                f"{self.manifest.artifact} again"
            )
        return path

    def is_intact(self) -> bool:
        """Whether every file is there with the recorded size and content."""
        return all(
            (self.path / name).is_file() and sha256_file(self.path / name) == record.sha256
            for name, record in self.manifest.files.items()
        )


@dataclass(frozen=True)
class CheckRecord:
    """Outcome of one check on one version of an artifact: evidence that the release gate reads.

    Attributes:
        check: Name of the check, unique for the artifact.
        data_version: What was checked.
        passed: The outcome.
        blocking: Whether a failure stops what is downstream.
        description: One sentence on what was found.
        fingerprint: Hash of the check's own definition; another definition needs another run.
        metadata: JSON-serialisable figures.
    """

    check: str
    data_version: str
    passed: bool
    blocking: bool
    description: str = ""
    fingerprint: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


class ArtifactStore:
    """Artifacts below one local folder.

    Example:
        >>> import tempfile
        >>> store = ArtifactStore(Path(tempfile.mkdtemp()))
        >>> made = store.publish(
        ...     "demo/greeting",
        ...     inputs={},
        ...     code_version="1",
        ...     produce=lambda folder: (folder / "hello.txt").write_text("hello"),
        ... )
        >>> store.get("demo/greeting").verified_file("hello.txt").read_text()
        'hello'
    """

    def __init__(self, root: Path) -> None:
        """Use ``root``, which need not exist yet."""
        self.root = Path(root)

    def find(self, name: str) -> Artifact | None:
        """The current version of an artifact, or None when there is none."""
        pointer = self._home(name) / "current"
        try:
            version = pointer.read_text().strip()
            text = (self._home(name) / "versions" / version / MANIFEST_NAME).read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable("read", error) from error
        return Artifact(self._home(name) / "versions" / version, Manifest.from_json(text))

    def get(self, name: str) -> Artifact:
        """The current version of an artifact.

        Raises:
            ArtifactError: It was never published.
        """
        found = self.find(name)
        if found is None:
            raise ArtifactError(f"{name} has not been made yet: materialize it first")
        return found

    def names(self) -> list[str]:
        """Names of all artifacts that have a current version, sorted."""
        pointers = self.root.glob("*/*/current")
        return sorted(pointer.parent.relative_to(self.root).as_posix() for pointer in pointers)

    def versions(self, name: str) -> list[Artifact]:
        """All kept versions of an artifact, oldest first."""
        folders = (self._home(name) / "versions").glob(f"*/{MANIFEST_NAME}")
        found = [Artifact(p.parent, Manifest.from_json(p.read_text())) for p in folders]
        return sorted(found, key=lambda a: (a.manifest.created_at, a.path.name))

    def publish(
        self,
        name: str,
        *,
        inputs: Mapping[str, str],
        code_version: str,
        produce: Callable[[Path], object],
        config: Mapping[str, Any] | None = None,
        libraries: Iterable[str] = (),
        resumable: bool = False,
    ) -> Artifact:
        """Make an artifact, unless the same inputs and code made the current one already.

        Args:
            name: ``room/name``.
            inputs: Data version of everything that ``produce`` reads.
            code_version: To be raised when ``produce`` would write something else.
            produce: Writes the files into the folder that it is given.
            config: JSON-serialisable settings that influence the content.
            libraries: Distributions whose version influences the content.
            resumable: Give ``produce`` the folder that a killed attempt at the very same
                work left behind, instead of an empty one.

        Returns:
            The current version; ``unchanged`` is set when nothing had to be done.

        Raises:
            ArtifactError: The store cannot be written.
        """
        recipe = {
            "inputs": dict(sorted(inputs.items())),
            "code_version": code_version,
            "config": dict(config or {}),
            "libraries": {lib: library_version(lib) for lib in sorted(libraries)},
        }
        fingerprint = digest(recipe)
        with self._locked(name):
            known = self._recall(name, fingerprint)
            if known is not None:
                return known
            staging = self._staging(name, fingerprint, keep=resumable)
            try:
                produce(staging)
            except BaseException:
                if not resumable:
                    shutil.rmtree(staging, ignore_errors=True)
                raise
            files = _file_records(staging)
            manifest = Manifest(
                artifact=name,
                files=files,
                data_version=digest({path: record.sha256 for path, record in files.items()}),
                fingerprint=fingerprint,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                **recipe,
            )
            return self._install(name, staging, manifest)

    def record_check(self, name: str, record: CheckRecord) -> None:
        """Keep the newest outcome of a check."""
        folder = self._home(name) / "checks"
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(record), indent=2, sort_keys=True) + "\n"
        # A check on a file in a folder has the folder in its name.
        write_atomically(folder / f"{record.check.replace('/', '--')}.json", text.encode())

    def checks(self, name: str) -> dict[str, CheckRecord]:
        """Newest outcome of every check ever run on an artifact, by check name."""
        files = sorted((self._home(name) / "checks").glob("*.json"))
        records = [CheckRecord(**json.loads(file.read_text())) for file in files]
        return {record.check: record for record in records}

    def delete_version(self, artifact: Artifact) -> None:
        """Remove one kept version.

        Raises:
            ArtifactError: It is the current one.
        """
        name = artifact.manifest.artifact
        with self._locked(name):
            current = self.find(name)
            if current and current.path == artifact.path:
                raise ArtifactError(f"{artifact.path.name} is the current version of {name}")
            # Out of sight in one step, so that a kill leaves no version with half its files.
            doomed = self.root / ".staging" / f"deleted-{artifact.path.name}"
            doomed.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(doomed, ignore_errors=True)
            artifact.path.rename(doomed)
            shutil.rmtree(doomed)

    def _unusable(self, how: str, error: OSError) -> ArtifactError:
        return ArtifactError(
            f"the artifact store {self.root} cannot be {how} ({error.strerror}): "
            "set AMODELS_ARTIFACTS_URL to a folder that can"
        )

    def _home(self, name: str) -> Path:
        return self.root.joinpath(*name.split("/"))

    @contextmanager
    def _locked(self, name: str) -> Generator[None]:
        home = self._home(name)
        try:
            home.mkdir(parents=True, exist_ok=True)
            handle = (home / "lock").open("w")
        except OSError as error:
            raise self._unusable("written", error) from error
        with handle:
            # Released by the kernel however the process ends, so a kill never leaves it held.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _recall(self, name: str, fingerprint: str) -> Artifact | None:
        """The intact version that this very recipe made before, as the current one."""
        current = self.find(name)
        for found in [current, *self.versions(name)] if current else self.versions(name):
            if found.manifest.fingerprint == fingerprint and found.is_intact():
                if current is None or found.path != current.path:
                    self._point_to(name, found.path.name)
                return Artifact(found.path, found.manifest, unchanged=True)
        return None

    def _staging(self, name: str, fingerprint: str, *, keep: bool) -> Path:
        """A folder to write into; what killed attempts at something else left behind goes."""
        prefix = f"{name.replace('/', '--')}-"
        staging = self.root / ".staging" / f"{prefix}{fingerprint[:16]}"
        for remains in staging.parent.glob(f"{prefix}*"):
            if remains != staging or not keep:
                shutil.rmtree(remains)
        staging.mkdir(parents=True, exist_ok=True)
        return staging

    def _point_to(self, name: str, version: str) -> None:
        write_atomically(self._home(name) / "current", f"{version}\n".encode())

    def _install(self, name: str, staging: Path, manifest: Manifest) -> Artifact:
        write_atomically(staging / MANIFEST_NAME, manifest.to_json().encode())
        flush(staging)
        version = digest([manifest.fingerprint, manifest.data_version])[:32]
        target = self._home(name) / "versions" / version
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            # Found damaged, or it would have been recalled: the fresh copy takes its place.
            shutil.rmtree(target)
        staging.rename(target)
        fsync(target.parent)
        self._point_to(name, version)
        return Artifact(target, manifest)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-serialisable value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: readers see the old content or the new, also after a crash."""
    aside = beside(path)
    with aside.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(path)
    fsync(path.parent)


def beside(path: Path) -> Path:
    """Where a process writes what is to become a file: no other does, on whichever machine.

    Containers that share a volume have the same process ids, but each its own name. What a killed
    one left is overwritten by the next that has both.
    """
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")


def fsync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush(folder: Path) -> None:
    """Put a folder and everything below it on the disk."""
    for path in folder.rglob("*"):
        fsync(path)
    fsync(folder)


def write_table(folder: Path, name: str, table: pa.Table) -> None:
    """Write ``<name>.parquet``, byte-identical for equal tables."""
    import pyarrow.parquet as pq

    pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def _file_records(folder: Path) -> dict[str, FileRecord]:
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST_NAME)
    return {
        p.relative_to(folder).as_posix(): FileRecord(sha256_file(p), p.stat().st_size)
        for p in paths
    }
