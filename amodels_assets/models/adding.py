"""Adding a base model: from what a user names to a model in the store.

Belongs here: the order of things, and the manifest that comes of it. Does not belong here: how each
kind of source is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from amodels_assets.artifacts import FileRecord, digest
from amodels_assets.models.configuration import read_configuration
from amodels_assets.models.files import Advance, clear, hash_file, silent
from amodels_assets.models.foreign import ModelError, plain_name
from amodels_assets.models.manifest import ModelManifest, Source, version_of
from amodels_assets.models.sources import Origin, choose_files, copy_files, free_space_for
from amodels_assets.models.store import BaseModel, ModelStore
from amodels_assets.models.weights import DTYPES, read_weights

_FRONT_MATTER = re.compile(r"\A---\n(.{0,65536}?)\n---\n", re.DOTALL)
Say = Callable[[str], object]


@dataclass(frozen=True)
class Added:
    """What came of adding a model.

    Attributes:
        model: In the store.
        unchanged: It was there already, from the same source.
        left_out: Files of the source that a model does not need.
    """

    model: BaseModel
    unchanged: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        name: Under which the model is to be kept.
        origin: Where it is from.
        licence: As the user names it; None to take what the source says.
        dtype: Of a dequantised GGUF file; None for what fits the file.
    """

    name: str
    origin: Origin
    licence: str | None = None
    dtype: str | None = None


def add(store: ModelStore, request: Request, say: Say, advance: Advance = silent) -> Added:
    """Add a model, unless the same one is there.

    Args:
        store: Where to.
        request: What.
        say: Gets a sentence before each part that takes its time.
        advance: Gets the bytes copied since its last call.

    Raises:
        ModelError: It cannot be had, is not to be trusted, or another model has the name.
    """
    found = store.find(request.name)
    if found is not None:
        if _same_source(found, request):
            return Added(found, unchanged=True)
        raise ModelError(
            f"there is a base model {request.name} from {found.manifest.source.location} already: "
            "remove it first, or choose another name"
        )
    origin = request.origin
    if origin.path is None:
        return _from_hub(store, request, say, advance)
    with store.staging(request.name) as staging:
        if origin.kind == "directory":
            return _from_folder(store, request, origin.path, staging, advance)
        return _from_gguf(store, request, origin.path, staging, say)


def _same_source(found: BaseModel, request: Request) -> bool:
    source, origin = found.manifest.source, request.origin
    if request.licence not in (None, found.manifest.licence):
        return False
    if origin.path is None:
        asked = origin.revision in (None, source.revision)
        return source.kind == "hub" and source.location == origin.location and asked
    if origin.kind == "directory":
        if source.kind != "directory":
            return False
        names, _ = choose_files(origin.path)
        return _digest({n: hash_file(origin.path / n) for n in names}) == source.sha256
    same_type = request.dtype in (None, found.manifest.dtype)
    return same_type and hash_file(origin.path).sha256 == source.sha256


def _from_folder(
    store: ModelStore, request: Request, folder: Path, staging: Path, advance: Advance
) -> Added:
    names, left_out = choose_files(folder)
    read_configuration(folder)
    free_space_for(sum((folder / name).stat().st_size for name in names), staging)
    files = copy_files(folder, names, staging, advance)
    return _installed(
        store, request, staging, files, revision=request.origin.revision, left_out=left_out
    )


def _from_hub(store: ModelStore, request: Request, say: Say, advance: Advance) -> Added:
    from amodels_assets.models.hub import download, find_commit

    origin = request.origin
    commit = find_commit(origin)
    say(f"downloading {origin.location} at {commit[:12]}")
    with store.staging(request.name, keep=True) as staging:
        # What a killed process had downloaded of the same commit is gone on with.
        folder = staging / f"download-{plain_name(commit, 'the hub')}"
        clear(staging, keep={folder.name})
        download(origin, commit, folder)
        names, left_out = choose_files(folder)
        read_configuration(folder)
        for name in names:
            (folder / name).rename(staging / name)
        clear(staging, keep=set(names))
        files = {name: hash_file(staging / name, advance) for name in names}
        return _installed(store, request, staging, files, revision=commit, left_out=left_out)


def _from_gguf(store: ModelStore, request: Request, path: Path, staging: Path, say: Say) -> Added:
    from amodels_assets.models.gguf_file import convert

    say(f"dequantising {path.name}")
    # Named by its content: another file there would be another model.
    sha256 = hash_file(path).sha256
    converted = convert(path, staging, request.dtype)
    say(f"the dequantised model answers as the file does, and goes on with {converted.spoken!r}")
    files = {name: hash_file(staging / name) for name in choose_files(staging)[0]}
    origin = request.origin
    source = Source(origin.kind, origin.location, origin.revision, sha256, converted.facts.stored)
    manifest = _manifest(
        request=request,
        folder=staging,
        files=files,
        source=source,
        licence=converted.facts.licence,
        notes=converted.notes,
    )
    return Added(store.install(staging, manifest))


def _installed(
    store: ModelStore,
    request: Request,
    staging: Path,
    files: dict[str, FileRecord],
    *,
    revision: str | None,
    left_out: list[str],
) -> Added:
    """Make files visible that came as a model's folder, with its card among them."""
    origin = request.origin
    source = Source(origin.kind, origin.location, revision, _digest(files), {})
    manifest = _manifest(
        request=request,
        folder=staging,
        files=files,
        source=source,
        licence=_licence_of_card(staging),
    )
    return Added(store.install(staging, manifest), left_out=tuple(left_out))


def _manifest(
    *,
    request: Request,
    folder: Path,
    files: dict[str, FileRecord],
    source: Source,
    licence: str | None,
    notes: tuple[str, ...] = (),
) -> ModelManifest:
    from amodels_assets.models.tokenizer import check_architecture, facts_of, load_tokenizer

    weights, configuration = read_weights(folder), read_configuration(folder)
    check_architecture(folder)
    manifest = ModelManifest(
        name=request.name,
        version=version_of(files),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source=source,
        licence=request.licence or licence,
        architecture=configuration.architecture,
        model_type=configuration.model_type,
        parameters=weights.parameters,
        dtype=weights.dtype,
        values=weights.values,
        context_length=configuration.context_length,
        tokenizer=facts_of(load_tokenizer(folder)),
        notes=notes,
        files=files,
    )
    return replace(manifest, notes=(*notes, *_warnings(manifest)))


def _warnings(manifest: ModelManifest) -> list[str]:
    found = []
    if manifest.licence is None:
        found.append("nobody says under which licence the model is: say --licence when adding it")
    if odd := sorted(manifest.values.keys() - DTYPES.keys()):
        found.append(f"some weights are stored as {', '.join(odd)}: the count is of stored values")
    return found


def _licence_of_card(folder: Path) -> str | None:
    """What the model card's front matter names."""
    import yaml

    card = folder / "README.md"
    if not card.is_file():
        return None
    matter = _FRONT_MATTER.match(card.read_text(encoding="utf-8", errors="replace"))
    try:
        found = yaml.safe_load(matter.group(1)) if matter else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    licence = found.get("license") if isinstance(found, dict) else None
    return licence if isinstance(licence, str) and 0 < len(licence) <= 200 else None


def _digest(files: dict[str, FileRecord]) -> str:
    return digest({name: record.sha256 for name, record in files.items()})
