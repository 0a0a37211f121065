"""Large files, read once: hashing and copying with progress.

Belongs here: bytes. Does not belong here: what they mean.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from amodels_assets.artifacts import FileRecord

Advance = Callable[[int], object]
_BLOCK = 4 * 2**20


class Readable(Protocol):
    """Bytes in order."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes more; none at the end."""
        ...


def silent(_: int) -> None:
    """Progress that nobody looks at."""


def blocks(handle: Readable, length: int | None = None) -> Iterator[bytes]:
    """Content from where the handle stands, at most ``length`` bytes, in blocks."""
    left = length
    while block := handle.read(_BLOCK if left is None else min(_BLOCK, left)):
        yield block
        if left is not None:
            left -= len(block)


def hash_file(path: Path, advance: Advance = silent) -> FileRecord:
    """Hash and size of a file; ``advance`` gets the bytes read since its last call."""
    with path.open("rb") as handle:
        return hash_stream(handle, advance)


def hash_stream(
    handle: Readable, advance: Advance = silent, length: int | None = None
) -> FileRecord:
    """Hash and size of what follows in a stream, at most ``length`` bytes."""
    state, size = hashlib.sha256(), 0
    for block in blocks(handle, length):
        state.update(block)
        size += len(block)
        advance(len(block))
    return FileRecord(state.hexdigest(), size)


def copy_file(source: Path, target: Path, advance: Advance = silent) -> FileRecord:
    """Copy a file's content and hash it on the way."""
    with source.open("rb") as reader, target.open("wb") as writer:
        return copy_stream(reader, writer, advance)


def copy_stream(
    reader: Readable, writer: BinaryIO, advance: Advance = silent, length: int | None = None
) -> FileRecord:
    """Copy what follows in a stream, at most ``length`` bytes, and hash it on the way."""
    return hash_stream(_Copying(reader, writer), advance, length)


class _Copying:
    """A stream that writes what is read from it."""

    def __init__(self, reader: Readable, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer

    def read(self, size: int) -> bytes:
        block = self._reader.read(size)
        self._writer.write(block)
        return block


def clear(folder: Path, *, keep: Container[str] = ()) -> None:
    """Remove what is in a folder, but for some names."""
    for path in folder.iterdir():
        if path.name not in keep:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
