"""The version of a data set's folder, as the artifact store would give it."""

from __future__ import annotations

from pathlib import Path

from amodels_assets.artifacts import MANIFEST_NAME, digest, sha256_file


def dataset_version(folder: Path) -> str:
    """SHA-256 over the names and hashes of all files of a folder but the store's own manifest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST_NAME)
    return digest({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})
