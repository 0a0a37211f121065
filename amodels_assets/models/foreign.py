"""Reading what others wrote, without trusting it: names, JSON, and the errors they end in.

Belongs here: the rules that every file from outside must keep. Does not belong here: what the files
mean.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

# A tokenizer's vocabulary as JSON is the largest that is known: 35 MB for 262,144 tokens.
JSON_LIMIT = 256 * 2**20
# ".bin" is also what older hubs call pickled weights; a pickle can run code when it is read.
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}")


class ModelError(ValueError):
    """A model is missing, damaged or not to be trusted; the message says what to do."""


def plain_name(name: object, where: str) -> str:
    """A file name that stays in its folder on every system.

    Args:
        name: As a foreign file gives it.
        where: That file, for the message.

    Raises:
        ModelError: It is no text, has a folder in it, or begins with a dot.
    """
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        raise ModelError(
            f"{where} names the file {name!r:.120}: only plain file names are allowed, "
            "letters, digits and ._+-"
        )
    return name


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelError: It is missing, too large, no JSON, no object, or names a key twice.
    """
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise ModelError(f"{path.name} is larger than {JSON_LIMIT} bytes: it is no such file")
        return parse_json(path.read_bytes(), path.name)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})") from error


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """Parse a JSON object; ``name`` is for the message.

    Raises:
        ModelError: It is no JSON, no object, or names a key twice.
    """
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not readable as JSON: {error}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{name} holds {type(found).__name__}, not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
