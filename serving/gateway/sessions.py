"""What a browser is known by after it logged in.

Belongs here: the cookie, and whether a request that carries it was meant. Does not belong here:
the login page.

The cookie holds a key's public id and an end, signed with a secret of this installation; the key
itself never leaves the login form. Revoking the key ends its sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from serving.gateway.json_file import beside

COOKIE = "amodels_session"
_SHAPE = re.compile(r"([0-9a-f]{12})\.(\d{10})\.([0-9a-f]{64})")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions:
    """Signs cookies and reads them."""

    def __init__(
        self, secret_file: Path, hours: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Use the secret in a file, which is made where there is none."""
        self._secret = _secret(secret_file)
        self._seconds = int(hours * 3600)
        self._clock = clock

    def cookie(self, identity: str, *, secure: bool) -> str:
        """A Set-Cookie header for a key's id."""
        content = f"{identity}.{int(self._clock()) + self._seconds:010d}"
        return self._header(f"{content}.{self._signed(content)}", self._seconds, secure=secure)

    def ended_cookie(self, *, secure: bool) -> str:
        """A Set-Cookie header that ends a session."""
        return self._header("", 0, secure=secure)

    def identity(self, cookies: bytes) -> str | None:
        """The key's id that a Cookie header speaks of, None where it is not ours or has ended."""
        for part in cookies.decode("latin-1").split(";"):
            name, _, value = part.strip().partition("=")
            shape = _SHAPE.fullmatch(value) if name == COOKIE else None
            if shape is None:
                continue
            signed = self._signed(f"{shape[1]}.{shape[2]}")
            if hmac.compare_digest(signed, shape[3]) and int(shape[2]) > self._clock():
                return shape[1]
        return None

    def _signed(self, content: str) -> str:
        return hmac.new(self._secret, content.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _header(value: str, seconds: int, *, secure: bool) -> str:
        parts = [f"{COOKIE}={value}", f"Max-Age={seconds}", "Path=/", "HttpOnly", "SameSite=Lax"]
        return "; ".join([*parts, "Secure"] if secure else parts)


def was_meant(method: str, headers: dict[bytes, bytes], *, websocket: bool = False) -> bool:
    """Whether a request with a cookie comes from a page of this site.

    Browsers send cookies along with requests that other sites cause; the Origin header is set by
    the browser alone. Reading is safe, opening a WebSocket is not.
    """
    if method in _READS and not websocket:
        return True
    origin = headers.get(b"origin", b"").decode("latin-1")
    return bool(origin) and urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def _secret(file: Path) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = beside(file)
    if not file.exists():
        handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as content:
            content.write(secrets.token_bytes(32))
            content.flush()
            os.fsync(content.fileno())
        try:
            # Of several processes that start together the first one's stays.
            os.link(aside, file)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    secret = file.read_bytes()
    if len(secret) != 32:
        raise ValueError(f"{file} is damaged: delete it; browsers then have to log in again")
    return secret
