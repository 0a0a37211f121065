"""The views that are compared, one statement each, and a hash of all."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

HERE = Path(__file__).parent


def statements() -> list[str]:
    """All statements of all files; a line that starts with CREATE begins one."""
    found: list[str] = []
    for path in sorted((HERE / "views").glob("*.sql")):
        parts = re.split(r"^(?=CREATE )", path.read_text(), flags=re.MULTILINE)[1:]
        found += [part.strip().removesuffix(";").strip() for part in parts]
    return found


def digest() -> str:
    """SHA-256 of all files."""
    texts = [path.read_bytes() for path in sorted((HERE / "views").glob("*.sql"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()
