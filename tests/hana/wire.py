"""Packets of the SAP HANA SQL Command Network Protocol: messages, segments, parts.

Numbers are little-endian; a message has a header of 32 bytes, a segment one of 24, a part one of 16
and content that is filled up to a multiple of 8.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

_MESSAGE = struct.Struct("<qiIIhbx8x")
_REQUEST_SEGMENT = struct.Struct("<iihhbbbb8x")
_REPLY_SEGMENT = struct.Struct("<iihhbxh8x")
_PART = struct.Struct("<bbhiii")
_REPLY, _ERROR = 2, 5
_LARGEST = 2**31 - 1


class PartKind:
    """Kinds of parts that are used here."""

    COMMAND = 3
    RESULT_SET = 5
    ERROR = 6
    STATEMENT_ID = 10
    ROWS_AFFECTED = 12
    RESULT_SET_ID = 13
    READ_LOB_REQUEST = 17
    READ_LOB_REPLY = 18
    WRITE_LOB_REQUEST = 28
    WRITE_LOB_REPLY = 30
    PARAMETERS = 32
    AUTHENTICATION = 33
    STATEMENT_CONTEXT = 39
    CONNECT_OPTIONS = 42
    FETCH_SIZE = 45
    PARAMETER_METADATA = 47
    RESULT_SET_METADATA = 48
    TRANSACTION_FLAGS = 64


class MessageType:
    """Types of requests that are used here."""

    EXECUTE_DIRECT = 2
    PREPARE = 3
    EXECUTE = 13
    READ_LOB = 16
    WRITE_LOB = 17
    AUTHENTICATE = 65
    CONNECT = 66
    COMMIT = 67
    ROLLBACK = 68
    CLOSE_RESULT_SET = 69
    DROP_STATEMENT = 70
    FETCH_NEXT = 71
    DISCONNECT = 77


@dataclass
class Part:
    """A part: kind, content, how many arguments it has, attributes."""

    kind: int
    content: bytes
    count: int = 1
    attributes: int = 0


@dataclass
class Request:
    """A request: its type, whether it commits, and its parts."""

    type: int
    commit: bool
    parts: list[Part] = field(default_factory=list)

    def part(self, kind: int) -> Part | None:
        """The first part of a kind."""
        return next((part for part in self.parts if part.kind == kind), None)


def receive(connection: socket.socket) -> tuple[int, list[Request]]:
    """The packet number and the requests of the next message.

    Raises:
        EOFError: The other side has gone.
    """
    header = _exactly(connection, _MESSAGE.size)
    _, number, length, _, segments, _ = _MESSAGE.unpack(header)
    body, requests, offset = _exactly(connection, length), [], 0
    for _ in range(segments):
        size, _, parts, _, _, kind, commit, _ = _REQUEST_SEGMENT.unpack_from(body, offset)
        request, at = Request(kind, bool(commit)), offset + _REQUEST_SEGMENT.size
        for _ in range(parts):
            part_kind, attributes, small, large, filled, _ = _PART.unpack_from(body, at)
            at += _PART.size
            count = large if small == -1 else small
            request.parts.append(Part(part_kind, body[at : at + filled], count, attributes))
            at += filled + -filled % 8
        requests.append(request)
        offset += size
    return number, requests


def reply(
    session: int, number: int, function: int, parts: list[Part], *, error: bool = False
) -> bytes:
    """A message with one segment."""
    body = b""
    for part in parts:
        small = part.count if part.count < 2**15 else -1
        large = 0 if small >= 0 else part.count
        body += _PART.pack(part.kind, part.attributes, small, large, len(part.content), _LARGEST)
        body += part.content + bytes(-len(part.content) % 8)
    length = _REPLY_SEGMENT.size + len(body)
    kind = _ERROR if error else _REPLY
    segment = _REPLY_SEGMENT.pack(length, 0, len(parts), 1, kind, function)
    return _MESSAGE.pack(session, number, length, length, 1, 0) + segment + body


def fields(content: bytes) -> list[bytes]:
    """Fields of an authentication part."""
    (count,) = struct.unpack_from("<H", content)
    found, at = [], 2
    for _ in range(count):
        size, at = content[at], at + 1
        if size == 246:
            (size,), at = struct.unpack_from("<H", content, at), at + 2
        found.append(content[at : at + size])
        at += size
    return found


def packed_fields(values: list[bytes]) -> bytes:
    """An authentication part of short fields."""
    return struct.pack("<H", len(values)) + b"".join(bytes([len(v)]) + v for v in values)


def option(key: int, value: bool | int | str) -> bytes:
    """One connect option."""
    if isinstance(value, bool):
        return struct.pack("<bb?", key, 28, value)
    if isinstance(value, int):
        return struct.pack("<bbi", key, 3, value)
    encoded = value.encode()
    return struct.pack("<bbh", key, 29, len(encoded)) + encoded


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise EOFError
        found += more
    return bytes(found)
