"""Puts a data set's folder where a user wants it: whole or not at all.

Belongs here: writing aside and comparing with what is there. Does not belong here: what a data set
holds (``build.py``), versions of artifacts (``artifacts``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from amodels_assets.artifacts import flush, sha256_file
from amodels_assets.datasets.dataset import DatasetError


def write_dataset(out: Path, produce: Callable[[Path], object]) -> bool:
    """Make a data set, or find that the very same one is there already.

    Args:
        out: The folder; there is none yet, or it is empty, or it holds the same data set.
        produce: Writes a data set into the folder that it is given.

    Returns:
        Whether it was made; False when the same content was there.

    Raises:
        DatasetError: ``out`` holds something else, which stays as it is.
        OSError: It cannot be written.
    """
    out = out.absolute()
    held = _held(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        produce(aside)
        if held:
            if _content(aside) == _content(out):
                return False
            raise DatasetError(f"{out} holds another data set: name another folder or delete it")
        aside.chmod(0o755)
        flush(aside)
        aside.rename(out)
        return True
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _held(out: Path) -> bool:
    """Whether a data set is there; anything else is refused before work is done for nothing."""
    if not out.exists() and not out.is_symlink():
        return False
    if not out.is_dir():
        raise DatasetError(f"{out} is a file: name a folder")
    names = {path.name for path in out.iterdir()}
    if names and "dataset.json" not in names:
        raise DatasetError(f"{out} holds something other than a data set: name another folder")
    return bool(names)


def _content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in folder.rglob("*")
        if path.is_file()
    }
