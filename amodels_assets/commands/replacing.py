"""Puts a finished folder where a user wants it, in the place of an older one of the same kind.

Belongs here: writing aside, flushing and exchanging. Does not belong here: what the folders hold.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from amodels_assets.artifacts import flush


def refuse_other_things(out: Path, what: str, files: set[str]) -> None:
    """Refuse a folder that holds something else, before work is done for nothing.

    Args:
        out: The folder; there may be none, or it may be empty.
        what: What it may hold, in words: ``a catalog``.
        files: Names that are in every such folder.

    Raises:
        click.ClickException: It holds other things, or is a file.
    """
    if out.exists() and not out.is_dir():
        raise click.ClickException(f"{out} is a file: name a folder")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if names and not files <= names:
        raise click.ClickException(f"{out} holds something other than {what}: name another")


def replace_folder(out: Path, write: Callable[[Path], object]) -> None:
    """Have a folder written aside and put it in the place of the one that is there.

    Raises:
        click.ClickException: It cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            write(aside)
            aside.chmod(0o755)
            flush(aside)
            if out.exists():
                old = aside.with_name(f"{aside.name}.old")
                out.rename(old)
                aside.rename(out)
                shutil.rmtree(old)
            else:
                aside.rename(out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
