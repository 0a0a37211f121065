"""API keys: what they look like, where their hashes are kept, and who may do what.

Belongs here: making, finding and revoking keys. Does not belong here: counting what a key used
(``limits.py``) and reading it from a request (``access.py``).

A key is ``amk_<id>_<secret>``. The secret has 256 random bits, so a plain SHA-256 keeps it: there
is nothing to guess that a slow hash would have to protect.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.gateway.json_file import JsonFile

SCOPES = ("infer", "catalog", "operate", "admin")
_SHAPE = re.compile(r"amk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
# Compared with where there is no such key, so that both answers take the same time.
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class InvalidKeyError(ValueError):
    """A key cannot be made or found; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; never the key itself.

    Attributes:
        id: Public part, 12 hexadecimal digits.
        name: Who or what it is for.
        sha256: Hash of the secret part.
        scopes: Of ``SCOPES``.
        requests_per_minute: 0 for no limit.
        tokens_per_day: 0 for no limit; a day is one of UTC.
        created_at: ISO 8601, UTC.
        revoked_at: The same, or empty while it is valid.
    """

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    requests_per_minute: int
    tokens_per_day: int
    created_at: str
    revoked_at: str = ""

    def may(self, scope: str) -> bool:
        """Whether the key has a scope; ``admin`` has all."""
        return scope in self.scopes or "admin" in self.scopes


class KeyStore:
    """The keys in one JSON file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        """Use ``path``, which need not exist yet."""
        self._file: JsonFile[dict[str, Key]] = JsonFile(path, _parse, _empty)

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def all(self) -> list[Key]:
        """All keys, also revoked ones, oldest first."""
        return sorted(self._file.read().values(), key=lambda key: (key.created_at, key.id))

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        requests_per_minute: int = 0,
        tokens_per_day: int = 0,
    ) -> tuple[Key, str]:
        """Make a key.

        Returns:
            What is kept of it, and the key itself, which cannot be shown again.

        Raises:
            InvalidKeyError: The name or a scope is none.
        """
        wanted = tuple(scope for scope in SCOPES if scope in set(scopes))
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not wanted:
            raise InvalidKeyError(
                f"scopes are {', '.join(SCOPES)}; not {', '.join(unknown) or 'none'}"
            )
        if not _NAME.fullmatch(name):
            raise InvalidKeyError("a name has 1 to 64 letters, digits, spaces and any of . _ @ -")
        identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = Key(
            id=identity,
            name=name,
            sha256=_hash(secret),
            scopes=wanted,
            requests_per_minute=requests_per_minute,
            tokens_per_day=tokens_per_day,
            created_at=_now(),
        )
        self._file.update(lambda raw: {**raw, "keys": [*raw["keys"], asdict(key)]})
        return key, f"amk_{identity}_{secret}"

    def revoke(self, identity: str) -> Key:
        """End a key's validity, at once for every process that reads the file.

        Raises:
            InvalidKeyError: There is no such key.
        """

        def change(raw: dict[str, Any]) -> dict[str, Any]:
            found = [key for key in raw["keys"] if key["id"] == identity]
            if not found:
                raise InvalidKeyError(f"there is no key {identity}: see amodels-gateway keys list")
            found[0]["revoked_at"] = found[0].get("revoked_at") or _now()
            return raw

        return self._file.update(change)[identity]

    def valid(self, identity: str) -> Key | None:
        """The key of an id, unless it was revoked."""
        key = self._file.read().get(identity)
        return key if key is not None and not key.revoked_at else None

    def verify(self, text: str) -> Key | None:
        """The valid key that a text is, in a time that does not say how near it came."""
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            return None
        key = self.valid(shape[1])
        matches = hmac.compare_digest(_hash(shape[2]), key.sha256 if key else _NOBODY)
        return key if matches else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _empty() -> dict[str, Any]:
    return {"schema_version": 1, "keys": []}


def _parse(raw: dict[str, Any]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for entry in raw["keys"]:
        values: dict[str, Any] = {**entry, "scopes": tuple(entry["scopes"])}
        keys[values["id"]] = Key(**values)
    return keys
