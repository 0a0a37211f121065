"""What lies in a source directory: its parts, their content hashes, whether it can be read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "hive_ddl": ("hive-ddl", (".hql", ".sql", ".ddl", ".txt")),
    "controlm": ("controlm", (".xml", ".json")),
    "scripts": ("scripts", ()),
    "rows": ("rows", (".csv", ".parquet")),
}


class SourceError(Exception):
    """The source directory cannot be read at all; the message says what to do."""


def part_files(source: Path, part: str) -> list[Path]:
    """Files of one part, sorted by path.

    Args:
        source: Source directory.
        part: A key of ``PARTS``.
    """
    folder, suffixes = PARTS[part]
    return [
        path
        for path in sorted((source / folder).rglob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and (not suffixes or path.suffix.lower() in suffixes)
    ]


def relative(source: Path, path: Path) -> str:
    """Path of a file below the source directory, POSIX."""
    return path.relative_to(source).as_posix()


def check_source(source: Path) -> None:
    """Say clearly when there is nothing to read.

    Raises:
        SourceError: The directory is missing, is none, cannot be read or holds no dump.
    """
    advice = "set AMODELS_SGMI_DIR to a directory with hive-ddl/*.hql"
    if not source.exists():
        raise SourceError(f"{source} does not exist: {advice}")
    if not source.is_dir():
        raise SourceError(f"{source} is not a directory: {advice}")
    if not os.access(source, os.R_OK | os.X_OK):
        raise SourceError(f"{source} cannot be read: grant read permission on it")
    if not any(source.iterdir()):
        raise SourceError(f"{source} is empty: {advice}")
    if not part_files(source, "hive_ddl"):
        raise SourceError(f"{source} holds no dump file: {advice}")


def source_versions(source: Path) -> dict[str, str]:
    """Content hash of each part of a source directory.

    Args:
        source: Source directory.

    Returns:
        Part (``hive_ddl``, ``controlm``, ``scripts``, ``rows``) to SHA-256 over its files' paths
        and contents.

    Raises:
        SourceError: The directory or one of its files cannot be read.
    """
    check_source(source)
    versions = {}
    for part in PARTS:
        total = hashlib.sha256()
        for path in part_files(source, part):
            name = relative(source, path)
            try:
                with path.open("rb") as handle:
                    content = hashlib.file_digest(handle, "sha256").hexdigest()
            except OSError as error:
                raise SourceError(
                    f"{name} cannot be read ({error.strerror}): grant read permission on it"
                ) from error
            total.update(f"{name}\0{content}\n".encode())
        versions[part] = total.hexdigest()
    return versions
