"""The manifest of a base model, ``model.json``: what it is, where it is from, each file's hash.

Belongs here: the manifest's shape, writing and reading it. Its JSON Schema lies beside this module.
Does not belong here: where models are kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import FileRecord, digest
from amodels_assets.models.foreign import ModelError, parse_json, plain_name

MANIFEST = "model.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Source:
    """Where a model is from.

    Attributes:
        kind: ``directory``, ``gguf``, ``package`` or ``hub``.
        location: Path, package and file, or name on the hub.
        revision: The package's version or the hub's commit.
        sha256: Of the GGUF file, or over the hashes of the files that were taken.
        stored: How a GGUF file stored the weights: ``Q4_1`` say, to the number of tensors.
    """

    kind: str
    location: str
    revision: str | None
    sha256: str
    stored: dict[str, int]


@dataclass(frozen=True)
class TokenizerFacts:
    """What a training has to know of the tokenizer.

    Attributes:
        vocabulary_size: Tokens, added ones included.
        bos_token: That begins a text; None where there is none.
        bos_id: Its number.
        eos_token: That ends a text.
        eos_id: Its number.
        adds_bos: Whether tokenising a text puts BOS before it.
        chat_template: Whether there is one.
        chat_template_adds_bos: Whether a chat rendered by it begins with BOS already, so that
            tokenising it must add none; None without a template, or where it refuses a plain chat.
    """

    vocabulary_size: int
    bos_token: str | None
    bos_id: int | None
    eos_token: str | None
    eos_id: int | None
    adds_bos: bool
    chat_template: bool
    chat_template_adds_bos: bool | None


@dataclass(frozen=True)
class ModelManifest:
    """What a base model is.

    Attributes:
        name: Under which it is kept.
        version: SHA-256 over the names and hashes of its files.
        created_at: ISO 8601 UTC; enters no hash.
        source: Where it is from.
        licence: As its source names it; None where nobody says.
        architecture: Class in transformers.
        model_type: Its family.
        parameters: Values in the weight files.
        dtype: The type of most of them, as torch names it.
        values: Safetensors' name of a type to how many values have it.
        context_length: Tokens that it was made for.
        tokenizer: Facts about it.
        notes: What somebody who uses it should know, a sentence each.
        files: Name of each file to its record; all but the manifest.
        schema_version: Of this form.
    """

    name: str
    version: str
    created_at: str
    source: Source
    licence: str | None
    architecture: str
    model_type: str
    parameters: int
    dtype: str
    values: dict[str, int]
    context_length: int | None
    tokenizer: TokenizerFacts
    notes: tuple[str, ...]
    files: dict[str, FileRecord]
    schema_version: int = SCHEMA_VERSION

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(record.bytes for record in self.files.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return {**asdict(self), "notes": list(self.notes)}

    def to_json(self) -> str:
        """Serialise with sorted keys, ending in a newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"


def version_of(files: dict[str, FileRecord]) -> str:
    """Version of a model with these files."""
    return digest({name: record.sha256 for name, record in files.items()})


def parse_manifest(content: bytes, where: str) -> ModelManifest:
    """Parse a manifest.

    Raises:
        ModelError: It is no manifest of this form, or its version is not that of its files.
    """
    return manifest_from(parse_json(content, where), where)


def manifest_from(raw: dict[str, Any], where: str) -> ModelManifest:
    """A manifest from JSON data, checked against its schema.

    Raises:
        ModelError: It is no manifest of this form, or its version is not that of its files.
    """
    check(raw, MANIFEST, where)
    # Once more by our own rule: a schema's "$" also matches before a line's end.
    files = {plain_name(name, where): FileRecord(**r) for name, r in raw["files"].items()}
    if raw["version"] != version_of(files):
        raise ModelError(f"{where} was changed: its version is not that of the files it names")
    fields: dict[str, Any] = {
        **raw,
        "source": Source(**raw["source"]),
        "tokenizer": TokenizerFacts(**raw["tokenizer"]),
        "notes": tuple(raw["notes"]),
        "files": files,
    }
    return ModelManifest(**fields)


def check(raw: dict[str, Any], form: str, where: str) -> None:
    """Compare JSON data with the schema of ``form``, ``model.json`` or ``pack.json``.

    Raises:
        ModelError: It has another form; the message names the place.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator(form).iter_errors(raw))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise ModelError(
            f"{where} is no {form} that can be used: at {place:.200}, {error.message:.300}"
        )


@cache
def _validator(form: str) -> Any:
    from jsonschema import Draft202012Validator

    stem = form.removesuffix(".json")
    schema = json.loads(Path(__file__).with_name(f"{stem}.schema.json").read_text())
    return Draft202012Validator(schema)
