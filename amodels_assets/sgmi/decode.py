"""Bytes of a text file to text, whatever its encoding; never fails.

Belongs here: byte order marks, UTF-16, stray Latin-1 bytes, line ends. Does not belong here: what
the text means.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "a UTF-8 byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Peculiarity:
    """Something unusual about a file's bytes.

    Attributes:
        code: ``byte_order_mark``, ``utf16``, ``latin1_bytes``, ``crlf``, ``control_characters``.
        message: One sentence.
        line: First line concerned, from 1; 0 for the whole file.
    """

    code: str
    message: str
    line: int = 0


@dataclass(frozen=True)
class Decoded:
    """Text whose lines end in line feeds, and what was unusual about its bytes."""

    text: str
    peculiarities: tuple[Peculiarity, ...]


def decode(data: bytes) -> Decoded:
    """Decode a file's bytes.

    Args:
        data: The whole file.

    Returns:
        Text in which every line stands at the same number as in the file.
    """
    found: list[Peculiarity] = []
    encoding = "utf-8"
    for mark, name, words in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :]
            encoding = name
            code = "byte_order_mark" if name == "utf-8" else "utf16"
            found.append(Peculiarity(code, f"the file has {words}", 1))
            break
    else:
        guess = _utf16_without_mark(data)
        if guess:
            encoding = guess
            found.append(Peculiarity("utf16", "the file is UTF-16 without a byte order mark", 1))
    if encoding == "utf-8":
        text = _utf8_or_latin1(data, found)
    else:
        text = data.decode(encoding, errors="replace")
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        found.append(Peculiarity("crlf", "lines end in carriage returns", line))
        text = text.replace("\r\n", "\n").replace("\r", "\n" if "\n" not in text else " ")
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        found.append(Peculiarity("control_characters", "control characters in the text", line))
        text = _CONTROL.sub(" ", text)
    return Decoded(text, tuple(found))


def _utf16_without_mark(data: bytes) -> str | None:
    """Text in mostly ASCII characters has a NUL in every second byte."""
    head = data[:4096]
    half = len(head) // 2
    if half < 4 or len(data) % 2:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.8 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.8 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


def _utf8_or_latin1(data: bytes, found: list[Peculiarity]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found.append(Peculiarity("latin1_bytes", "bytes that are no UTF-8, read as Latin-1", line))
    parts = []
    for raw in data.split(b"\n"):
        try:
            parts.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            parts.append(raw.decode("latin-1"))
    return "\n".join(parts)
