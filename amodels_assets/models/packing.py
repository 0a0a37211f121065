"""A base model cut into chunks for transport, and put together again.

Belongs here: the chunks, their manifest, and going on where a killed process
stopped. Does not belong here: carrying them.

A packed model is a folder with ``pack.json`` and the chunks of each file, ``<file>.00001-of-00003``
say. ``pack.json`` holds the model's manifest and the hash of every chunk, and is written last.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from amodels_assets.artifacts import FileRecord, fsync, write_atomically
from amodels_assets.models.files import (
    Advance,
    clear,
    copy_stream,
    hash_file,
    hash_stream,
    silent,
)
from amodels_assets.models.foreign import ModelError, plain_name, read_json
from amodels_assets.models.manifest import ModelManifest, check, manifest_from
from amodels_assets.models.sources import free_space_for
from amodels_assets.models.store import BaseModel, ModelStore
from amodels_assets.models.weights import read_weights

PACK = "pack.json"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """A part of a file, as a file of its own."""

    name: str
    sha256: str
    bytes: int


Chunks = tuple[Chunk, ...]


@dataclass(frozen=True)
class Pack:
    """What ``pack.json`` says.

    Attributes:
        manifest: Of the model.
        chunks: Name of each of the model's files to its parts, in order.
        chunk_bytes: Size that no chunk exceeds.
    """

    manifest: ModelManifest
    chunks: dict[str, Chunks]
    chunk_bytes: int


def parse_size(text: str) -> int:
    """Bytes from ``500MB``, ``2GB``, ``1GiB`` or a plain number.

    Raises:
        ModelError: It is no size of at least one byte.
    """
    found = re.fullmatch(r"(\d{1,15})\s*([A-Za-z]*)", text.strip())
    unit = _UNITS.get(found.group(2).upper()) if found else None
    if found is None or unit is None or int(found.group(1)) < 1:
        raise ModelError(f"{text!r} is no size: say 500MB, 2GB or 1GiB")
    return int(found.group(1)) * unit


def pack(model: BaseModel, folder: Path, chunk_bytes: int, advance: Advance = silent) -> Pack:
    """Write a model as chunks.

    Args:
        model: To pack.
        folder: Where to.
        chunk_bytes: Size that no chunk exceeds.
        advance: Gets the bytes read since its last call; every file is read twice.

    Raises:
        ModelError: The folder holds other things, or a file of the model is damaged.
    """
    names = _chunk_names(model.manifest, chunk_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {PACK, *(name for chunks in names.values() for name in chunks)}
    # A killed process leaves the file that it wrote, which begins with a dot.
    strangers = sorted({p.name for p in folder.iterdir() if not p.name.startswith(".")} - expected)
    if strangers:
        raise ModelError(f"{folder} holds {strangers[0]}, which is no part of this: name a new one")
    for path in (folder / PACK, *folder.glob(f".{PACK}.*")):
        path.unlink(missing_ok=True)
    model.verified(advance)
    chunks = {
        file: _cut(model.path / file, folder, chunk_names, chunk_bytes, advance)
        for file, chunk_names in names.items()
    }
    fsync(folder)
    packed = Pack(model.manifest, chunks, chunk_bytes)
    write_atomically(folder / PACK, _to_json(packed).encode())
    return packed


def _chunk_names(manifest: ModelManifest, chunk_bytes: int) -> dict[str, list[str]]:
    names = {}
    for file, record in manifest.files.items():
        count = max(1, -(-record.bytes // chunk_bytes))
        if count > 99_999:
            raise ModelError(
                f"{file} would be cut into {count} chunks: choose a larger --chunk-size"
            )
        names[file] = [f"{file}.{number:05d}-of-{count:05d}" for number in range(1, count + 1)]
    return names


def _cut(path: Path, folder: Path, names: list[str], chunk_bytes: int, advance: Advance) -> Chunks:
    chunks = []
    with path.open("rb") as reader:
        for name in names:
            aside = folder / f".{name}"
            with aside.open("wb") as writer:
                record = copy_stream(reader, writer, advance, chunk_bytes)
            fsync(aside)
            aside.replace(folder / name)
            chunks.append(Chunk(name, record.sha256, record.bytes))
    return tuple(chunks)


def _to_json(packed: Pack) -> str:
    raw = {
        "schema_version": 1,
        "chunk_bytes": packed.chunk_bytes,
        "model": packed.manifest.to_dict(),
        "chunks": {file: [asdict(c) for c in chunks] for file, chunks in packed.chunks.items()},
    }
    return json.dumps(raw, indent=2, sort_keys=True) + "\n"


def read_pack(folder: Path) -> Pack:
    """Read ``pack.json``; no chunk is looked at.

    Raises:
        ModelError: It is missing, has another form, or its chunks are not the model's files.
    """
    raw = read_json(folder / PACK)
    check(raw, PACK, PACK)
    manifest = manifest_from(raw["model"], PACK)
    chunks = {file: tuple(Chunk(**c) for c in parts) for file, parts in raw["chunks"].items()}
    if odd := sorted(chunks.keys() ^ manifest.files.keys()):
        raise ModelError(f"{PACK} is not consistent: {odd[0]!r:.120} is not in both of its lists")
    names = [plain_name(chunk.name, PACK) for parts in chunks.values() for chunk in parts]
    if len(set(names)) != len(names) or PACK in names:
        raise ModelError(f"{PACK} is not consistent: it names a chunk twice")
    for file, parts in chunks.items():
        if sum(chunk.bytes for chunk in parts) != manifest.files[file].bytes:
            raise ModelError(f"{PACK} is not consistent: the chunks of {file} have another size")
    return Pack(manifest, chunks, raw["chunk_bytes"])


def unpack(
    store: ModelStore, folder: Path, name: str | None = None, advance: Advance = silent
) -> tuple[BaseModel, bool]:
    """Put a packed model together in a store.

    What a killed process had put together already is verified and kept.

    Args:
        store: Where to.
        folder: With ``pack.json`` and the chunks.
        name: Under which the model is to be kept; its own by default.
        advance: Gets the bytes read since its last call.

    Returns:
        The model, and whether it was there already.

    Raises:
        ModelError: A chunk is missing or damaged, or another model has the name.
    """
    packed = read_pack(folder)
    manifest = replace(packed.manifest, name=name or packed.manifest.name)
    found = store.find(manifest.name)
    if found is not None and found.manifest.version == manifest.version:
        return found, True
    if found is not None:
        raise ModelError(
            f"there is another base model {manifest.name}: remove it first, or say --name"
        )
    _complete(folder, packed)
    with store.staging(manifest.name, keep=True) as staging:
        clear(staging, keep=manifest.files)
        there = sum(path.stat().st_size for path in staging.iterdir())
        free_space_for(max(0, manifest.bytes - there), staging)
        for file, chunks in packed.chunks.items():
            _join(folder, chunks, staging / file, manifest.files[file], advance)
        if read_weights(staging).parameters != manifest.parameters:
            raise ModelError(f"{PACK} says {manifest.parameters} parameters and the weights others")
        return store.install(staging, manifest), False


def _complete(folder: Path, packed: Pack) -> None:
    """See that every chunk is there and has its size, before anything is read."""
    problems = []
    for chunk in (chunk for parts in packed.chunks.values() for chunk in parts):
        path = folder / chunk.name
        if path.is_symlink() or not path.is_file():
            problems.append(f"the chunk {chunk.name} is missing")
        elif path.stat().st_size != chunk.bytes:
            problems.append(
                f"the chunk {chunk.name} has {path.stat().st_size} bytes instead of {chunk.bytes}"
            )
    if problems:
        raise ModelError(f"{folder}: {'; '.join(problems)}: copy them again")


def _join(
    folder: Path, chunks: Chunks, target: Path, expected: FileRecord, advance: Advance
) -> None:
    with target.open("a+b") as file:
        done = _intact(file, chunks, advance)
        file.truncate(sum(chunk.bytes for chunk in chunks[:done]))
        for chunk in chunks[done:]:
            with (folder / chunk.name).open("rb") as reader:
                record = copy_stream(reader, file, advance)
            if record.sha256 != chunk.sha256:
                # What is left would be refused when the next attempt begins.
                raise ModelError(f"the chunk {chunk.name} is damaged: copy it again")
    if hash_file(target) != expected:
        raise ModelError(f"the chunks of {target.name} are not the file that was packed")


def _intact(file: BinaryIO, chunks: Chunks, advance: Advance) -> int:
    """How many chunks an earlier attempt has put there."""
    file.seek(0)
    for number, chunk in enumerate(chunks):
        if hash_stream(file, advance, chunk.bytes) != FileRecord(chunk.sha256, chunk.bytes):
            return number
    return len(chunks)
