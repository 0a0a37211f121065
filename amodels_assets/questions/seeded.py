"""Choices that depend on a seed and on what is chosen for, never on an order or on other choices.

Belongs here: hashed draws. Does not belong here: what is drawn. A hash of names instead of a
generator's state: a table more in the catalog leaves the draws of all other tables as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def number(*key: object) -> int:
    """A number below 2**64, the same for the same key on every machine."""
    return int.from_bytes(_hash(key).digest(), "big")


def shuffled(items: Iterable[str], *key: object) -> list[str]:
    """Different items in an order drawn for the key, whatever their order was."""
    start = _hash(key)

    def place(item: str) -> tuple[bytes, str]:
        found = start.copy()
        found.update(_bytes(item))
        return found.digest(), item

    return sorted(set(items), key=place)


def drawn(items: Iterable[str], count: int, *key: object) -> list[str]:
    """At most ``count`` of the items; each is hashed."""
    return shuffled(items, *key)[:count]


def some(items: Sequence[str], count: int, *key: object) -> list[str]:
    """At most ``count`` different items of a sequence that may be long: only places are hashed."""
    if count >= len(items):
        return shuffled(items, *key)
    found: dict[str, None] = {}
    # Each try hits a new item more often than not while at most half are taken.
    for attempt in range(8 * count):
        found[items[number(*key, attempt) % len(items)]] = None
        if len(found) == count:
            break
    return list(found)


def _hash(key: Iterable[object]) -> hashlib.blake2b:
    return hashlib.blake2b(b"".join(_bytes(str(part)) for part in key), digest_size=8)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\x1f"
