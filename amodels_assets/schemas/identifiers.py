"""Names in the target database: the source's own, shortened only where the target must."""

from __future__ import annotations

import hashlib

# Bytes; SQLite has no limit. SAP HANA counts characters, of which bytes are never fewer.
LIMITS = {"postgresql": 63, "hana": 127}
_HASH_LENGTH = 8


def target_identifier(name: str, dialect: str) -> str:
    """A name as it stands in the target.

    A name of more bytes than the target allows keeps its beginning and ends in an underscore and
    eight hexadecimal digits of its SHA-256, so that two long names with the same beginning stay
    apart. Zero bytes, which no target allows, become underscores.

    Example:
        >>> target_identifier("facility", "postgresql")
        'facility'
        >>> len(target_identifier("x" * 200, "postgresql"))
        63
    """
    cleaned = name.replace("\x00", "_")
    limit = LIMITS.get(dialect)
    encoded = cleaned.encode()
    if limit is None or (len(encoded) <= limit and cleaned == name):
        return cleaned
    mark = "_" + hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    kept = encoded[: limit - len(mark)].decode(errors="ignore")
    return kept + mark
