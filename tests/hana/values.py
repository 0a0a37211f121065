"""Values on the wire: parameters as a client sends them, result columns as a server does."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

TINYINT, SMALLINT, INTEGER, BIGINT, DECIMAL, REAL, DOUBLE = 1, 2, 3, 4, 5, 6, 7
NVARCHAR, VARBINARY, NCLOB, BLOB, BOOLEAN = 11, 13, 26, 27, 28
LONGDATE, DAYDATE, FIXED16 = 61, 63, 76
LOBS = (25, NCLOB, BLOB)
STRINGS = (8, 9, 10, NVARCHAR, 12, VARBINARY, 29, 30, 33)
_BYTES = (12, VARBINARY, 33)
_INTEGERS = {TINYINT: "<B", SMALLINT: "<h", INTEGER: "<i", BIGINT: "<q"}
_FLOATS = {REAL: "<f", DOUBLE: "<d"}
_NULL_DAY, _NULL_LONG = 3652062, 3155380704000000001
_BIAS = 6176
_DAY = 86_400_000_000
# SAP HANA counts days by the Julian calendar until the Gregorian one took its place.
_GREGORIAN, _SKIPPED = date(1582, 10, 15), 2
CODES = {
    "SMALLINT": SMALLINT,
    "INTEGER": INTEGER,
    "BIGINT": BIGINT,
    # Of a fixed scale, with up to 38 digits; DECIMAL itself has 34.
    "DECIMAL": FIXED16,
    "REAL": REAL,
    "DOUBLE": DOUBLE,
    "NVARCHAR": NVARCHAR,
    "NCLOB": NCLOB,
    "BLOB": BLOB,
    "BOOLEAN": BOOLEAN,
    "TIMESTAMP": LONGDATE,
    "DATE": DAYDATE,
}


@dataclass
class SentLob:
    """A large object of a parameter: what came with the row, the rest comes by itself."""

    type_code: int
    data: bytes
    complete: bool


def from_parameters(content: bytes, scales: list[int], rows: int) -> list[list[object]]:
    """Rows of parameters; large objects as :class:`SentLob`."""
    found, at = [], 0
    for _ in range(rows):
        row, end = [], at
        for scale in scales:
            value, at, last = _parameter(content, at, scale)
            row.append(value)
            end = max(end, last)
        found.append(row)
        at = max(at, end)
    return found


def _parameter(content: bytes, at: int, scale: int) -> tuple[object, int, int]:
    """A value, where the next one begins, and where its data ends."""
    code, at = content[at], at + 1
    if code & 0x80:
        return None, at, at
    if code in _INTEGERS:
        form = struct.Struct(_INTEGERS[code])
        return form.unpack_from(content, at)[0], at + form.size, 0
    if code in _FLOATS:
        form = struct.Struct(_FLOATS[code])
        return form.unpack_from(content, at)[0], at + form.size, 0
    if code in STRINGS:
        size, at = _length(content, at)
        raw = content[at : at + size]
        return raw if code in _BYTES else from_cesu(raw), at + size, 0
    if code in LOBS:
        options, size, position = struct.unpack_from("<bii", content, at)
        data = content[position : position + size]
        return SentLob(code, data, bool(options & 4)), at + 9, position + size if size else 0
    if code == DECIMAL:
        return _decimal_from(content[at : at + 16]), at + 16, 0
    if code == FIXED16:
        unscaled = int.from_bytes(content[at : at + 16], "little", signed=True)
        return _digits(unscaled, -scale), at + 16, 0
    if code == BOOLEAN:
        return {0: False, 2: True}.get(content[at]), at + 1, 0
    if code == LONGDATE:
        (ticks,) = struct.unpack_from("<q", content, at)
        days, micros = divmod((ticks - 1) // 10, _DAY)
        moment = datetime.combine(day_of(days + 1), datetime.min.time())
        return (moment + timedelta(microseconds=micros)).isoformat(sep=" "), at + 8, 0
    if code == DAYDATE:
        (days,) = struct.unpack_from("<i", content, at)
        return day_of(days).isoformat(), at + 4, 0
    raise NotImplementedError(f"parameters of type {code}")


def to_result(value: object, code: int, scale: int, keep: Callable[[bytes], bytes]) -> bytes:
    """A value in a row of a result.

    Args:
        value: As the engine has it.
        code: Type of the column.
        scale: Of a column of exact numbers.
        keep: Takes a large object's content and gives its locator.
    """
    if code in LOBS:
        return _lob(value, code, keep)
    if code in _INTEGERS:
        return b"\0" if value is None else b"\1" + struct.pack(_INTEGERS[code], int(str(value)))
    if code in _FLOATS:
        size = struct.calcsize(_FLOATS[code])
        return b"\xff" * size if value is None else struct.pack(_FLOATS[code], value)
    if code == FIXED16:
        if value is None:
            return b"\0"
        with localcontext() as context:
            context.prec = 60
            unscaled = int(Decimal(str(value)).scaleb(scale).to_integral_value())
        return b"\1" + unscaled.to_bytes(16, "little", signed=True)
    if code == BOOLEAN:
        return bytes([1 if value is None else 2 if value else 0])
    if code == DECIMAL:
        return bytes(15) + b"\x70" if value is None else _decimal_to(Decimal(str(value)))
    if code == DAYDATE:
        days = _NULL_DAY if value is None else number_of(date.fromisoformat(str(value)))
        return struct.pack("<i", days)
    if code == LONGDATE:
        ticks = _NULL_LONG
        if value is not None:
            moment = datetime.fromisoformat(str(value))
            since = moment - datetime.combine(moment.date(), datetime.min.time())
            micros = (number_of(moment.date()) - 1) * _DAY + since // timedelta(microseconds=1)
            ticks = micros * 10 + 1
        return struct.pack("<q", ticks)
    if value is None:
        return b"\xff"
    return packed(value if isinstance(value, bytes) else to_cesu(str(value)))


def number_of(day: date) -> int:
    """A day as SAP HANA counts it: 1 is the first of January of the year 1."""
    if day >= _GREGORIAN:
        return day.toordinal() + _SKIPPED
    before = day.year - 1
    lengths = (31, 28 + (day.year % 4 == 0), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 365 * before + before // 4 + sum(lengths[: day.month - 1]) + day.day


def day_of(number: int) -> date:
    """The other way."""
    if number >= number_of(_GREGORIAN):
        return date.fromordinal(number - _SKIPPED)
    # The calendars are never more than ten days apart.
    return next(
        day
        for shift in range(-12, 13)
        if number + shift >= 1 and number_of(day := date.fromordinal(number + shift)) == number
    )


def packed(raw: bytes) -> bytes:
    """Bytes behind their length."""
    if len(raw) <= 245:
        return bytes([len(raw)]) + raw
    if len(raw) < 2**15:
        return b"\xf6" + struct.pack("<h", len(raw)) + raw
    return b"\xf7" + struct.pack("<i", len(raw)) + raw


def _length(content: bytes, at: int) -> tuple[int, int]:
    first, at = content[at], at + 1
    if first <= 245:
        return first, at
    if first == 246:
        return struct.unpack_from("<h", content, at)[0], at + 2
    return struct.unpack_from("<i", content, at)[0], at + 4


def _lob(value: object, code: int, keep: Callable[[bytes], bytes]) -> bytes:
    if value is None:
        return bytes([code, 1])
    text = value if isinstance(value, str) else ""
    raw = to_cesu(text) if text else bytes(value) if isinstance(value, bytes) else b""
    # Only a beginning goes with the row, so that the client has to read the rest.
    chunk = raw[:1024]
    options = 2 | (4 if len(chunk) == len(raw) else 0)
    units = len(text.encode("utf-16-le")) // 2
    header = struct.pack("<bbhqq", code, options, 0, units, len(raw))
    return header + keep(raw) + struct.pack("<i", len(chunk)) + chunk


def to_cesu(text: str) -> bytes:
    """CESU-8: what is outside the basic plane is two surrogates of three bytes each."""
    units = text.encode("utf-16-le", "surrogatepass")
    characters = (
        units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)
    )
    return "".join(characters).encode("utf-8", "surrogatepass")


def from_cesu(raw: bytes) -> str:
    """The other way; also takes UTF-8."""
    text = raw.decode("utf-8", "surrogatepass")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _decimal_to(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    mantissa = int("".join(map(str, digits)))
    number = mantissa | (int(exponent) + _BIAS) << 113 | sign << 127
    return number.to_bytes(16, "little")


def _decimal_from(raw: bytes) -> str | None:
    number = int.from_bytes(raw, "little")
    if raw[15] & 0x70 == 0x70:
        return None
    exponent = (number >> 113 & 0x3FFF) - _BIAS
    mantissa = number & (1 << 113) - 1
    return _digits(-mantissa if number >> 127 else mantissa, exponent)


def _digits(unscaled: int, exponent: int) -> str:
    with localcontext() as context:
        context.prec = 60
        return format(Decimal(unscaled).scaleb(exponent), "f")
