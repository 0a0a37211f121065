"""What a request may look like before anybody asks what it wants.

Belongs here: sizes, forms that two parsers could read in two ways, and reading a body. Does not
belong here: who is asking.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from serving.gateway.errors import RefusedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Of an ASGI scope's extensions: a function that closes the connection at once.
ABORT = "amodels.abort"
HEADER_BYTES = 8_192
TARGET_BYTES = 4_096
# Two of one of these, and two readers may take different ones.
_SINGLE = frozenset(
    {b"host", b"authorization", b"content-length", b"content-type", b"transfer-encoding", b"origin"}
)
_PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9_~:@!$&'()*+,;=-][A-Za-z0-9._~:@!$&'()*+,;=-]*)+/?|/")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class ClientLeftError(Exception):
    """The client closed its connection before the request was whole."""


def checked_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers by name, where nothing about them is doubtful.

    Raises:
        RefusedError: 431 where they are too long, 400 where they can be read in two ways.
    """
    headers: dict[bytes, bytes] = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        if name in headers and name in _SINGLE:
            raise RefusedError(400, "repeated_header", f"the header {name.decode()} stands twice")
        headers[name] = value
    if size > HEADER_BYTES:
        raise RefusedError(431, "headers_too_long", f"headers have at most {HEADER_BYTES} bytes")
    if b"content-length" in headers and b"transfer-encoding" in headers:
        raise RefusedError(400, "two_lengths", "the body's length is said in two ways")
    return headers


def checked_path(scope: Scope) -> str:
    """The path, where it has one reading only.

    Raises:
        RefusedError: 414 where it is too long, 400 for dots, doubled or encoded slashes, control
            characters and what is not UTF-8.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(raw) + len(scope["query_string"]) > TARGET_BYTES:
        raise RefusedError(414, "target_too_long", f"a target has at most {TARGET_BYTES} bytes")
    if _PLAIN_PATH.fullmatch(raw):
        return raw.decode("ascii")
    decoded = unquote_to_bytes(raw)
    segments = decoded.split(b"/")
    odd = (
        not raw.startswith(b"/")
        or b"." in segments
        or b".." in segments
        or b"" in segments[1:-1]
        or b"\\" in decoded
        or raw.count(b"/") != decoded.count(b"/")
        or any(byte < 0x20 or byte == 0x7F for byte in decoded)
        # Encoded twice: what decodes it again would find another path.
        or re.search(rb"%[0-9A-Fa-f]{2}", decoded)
        or any(byte > 0x7F for byte in raw)
    )
    if odd:
        raise RefusedError(400, "odd_path", "the path has parts that are read in different ways")
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        raise RefusedError(400, "odd_path", "the path is not UTF-8") from None


def request_id(headers: dict[bytes, bytes], fresh: Callable[[], str]) -> str:
    """The client's name for its request where it is a plain one, a fresh one otherwise."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else fresh()


async def read_body(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes:
    """The whole body.

    Raises:
        RefusedError: 413 where it is longer than ``most``.
        ClientLeftError: It ends before it is whole.
    """
    length = headers.get(b"content-length", b"")
    if length and (not length.isdigit() or int(length[:20]) > most):
        raise RefusedError(413, "body_too_long", f"a body has at most {most} bytes")
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeftError
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts = [body]
        size = len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                break
        body = b"".join(parts)
    if len(body) > most:
        raise RefusedError(413, "body_too_long", f"a body has at most {most} bytes")
    return body
