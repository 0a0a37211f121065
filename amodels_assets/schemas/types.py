"""Hive column types as types of the target databases.

SQLite has neither exact decimals nor dates: both are kept as text, so that every value comes back
exactly as it went in. Nested types are kept as JSON: JSONB in PostgreSQL, NCLOB in SAP HANA, text
in SQLite. SAP HANA's TINYINT has no negative numbers, so that Hive's becomes SMALLINT; its texts
are NVARCHAR, which can be compared and grouped, up to the 5,000 characters that it allows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

# To be raised when a Hive type maps to another type: replicas are then made again.
MAPPING_VERSION = 1
_TYPE = re.compile(r"^(?P<base>[a-z_ ]+?)\s*(?:\((?P<arguments>[\d,\s]+)\))?$")
_NESTED = ("array<", "map<", "struct<", "uniontype<")
_LARGEST_PRECISION = 38
_LARGEST_LENGTH = 65_535
_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "numeric": "decimal",
    "double precision": "double",
    "real": "float",
}

_POSTGRESQL: dict[str, TypeEngine] = {
    "string": sa.Text(),
    "boolean": sa.Boolean(),
    "tinyint": sa.SmallInteger(),
    "smallint": sa.SmallInteger(),
    "int": sa.Integer(),
    "bigint": sa.BigInteger(),
    "float": sa.REAL(),
    "double": sa.Double(),
    "date": sa.Date(),
    "timestamp": sa.TIMESTAMP(),
    "binary": sa.LargeBinary(),
}
_HANA: dict[str, TypeEngine] = {
    "string": sa.NVARCHAR(5000),
    "boolean": sa.BOOLEAN(),
    "tinyint": sa.SMALLINT(),
    "smallint": sa.SMALLINT(),
    "int": sa.INTEGER(),
    "bigint": sa.BIGINT(),
    "float": sa.REAL(),
    "double": sa.DOUBLE(),
    "date": sa.DATE(),
    "timestamp": sa.TIMESTAMP(),
    "binary": sa.BLOB(),
}
_HANA_LONGEST = 5000
_SQLITE: dict[str, TypeEngine] = {
    "string": sa.TEXT(),
    "boolean": sa.INTEGER(),
    "tinyint": sa.INTEGER(),
    "smallint": sa.INTEGER(),
    "int": sa.INTEGER(),
    "bigint": sa.INTEGER(),
    "float": sa.REAL(),
    "double": sa.REAL(),
    "date": sa.TEXT(),
    "timestamp": sa.TEXT(),
    "binary": sa.BLOB(),
}


@dataclass(frozen=True)
class HiveType:
    """A Hive type taken apart.

    Attributes:
        base: Canonical name, ``string`` for one that is not known, ``nested`` for array, map,
            struct and uniontype.
        arguments: Precision and scale, or length.
    """

    base: str
    arguments: tuple[int, ...] = ()


def parse_hive_type(text: str) -> HiveType:
    """Take a Hive type apart; what is not known is a string, as Hive shows it.

    Example:
        >>> parse_hive_type("decimal(18,2)")
        HiveType(base='decimal', arguments=(18, 2))
        >>> parse_hive_type("array<int>")
        HiveType(base='nested', arguments=())
    """
    cleaned = text.strip().lower()
    if cleaned.startswith(_NESTED):
        return HiveType("nested")
    match = _TYPE.match(cleaned)
    if match is None:
        return HiveType("string")
    base = _SYNONYMS.get(match["base"], match["base"])
    arguments = tuple(int(a) for a in (match["arguments"] or "").split(",") if a.strip())
    if base == "decimal":
        precision, scale = (*arguments, *(10, 0)[len(arguments) :])[:2]
        if 1 <= precision <= _LARGEST_PRECISION and scale <= precision:
            return HiveType("decimal", (precision, scale))
    elif base in ("char", "varchar"):
        if len(arguments) == 1 and 1 <= arguments[0] <= _LARGEST_LENGTH:
            return HiveType(base, arguments)
    elif base in _POSTGRESQL:
        return HiveType(base)
    return HiveType("string")


def target_type(hive_type: str, dialect: str) -> TypeEngine:
    """The type of a column in the target database.

    Args:
        hive_type: As in the catalog.
        dialect: ``postgresql``, ``hana`` or ``sqlite``.
    """
    parsed = parse_hive_type(hive_type)
    if dialect == "sqlite":
        return _SQLITE.get(parsed.base, sa.TEXT())
    if dialect == "hana":
        return _hana_type(parsed)
    if parsed.base == "nested":
        return postgresql.JSONB()
    if parsed.base == "decimal":
        precision, scale = parsed.arguments
        return sa.Numeric(precision, scale)
    if parsed.base in ("char", "varchar"):
        return (sa.CHAR if parsed.base == "char" else sa.VARCHAR)(parsed.arguments[0])
    return _POSTGRESQL[parsed.base]


# The widest Hive type whose values a type of the target holds; JSON does not tell its fields.
_BACK = {
    "postgresql": {
        "TEXT": "string", "BOOLEAN": "boolean", "SMALLINT": "smallint", "INTEGER": "int",
        "BIGINT": "bigint", "REAL": "float", "DOUBLE PRECISION": "double", "DATE": "date",
        "TIMESTAMP WITHOUT TIME ZONE": "timestamp", "BYTEA": "binary",
        "JSONB": "map<string,string>", "NUMERIC": "decimal", "CHAR": "char", "VARCHAR": "varchar",
    },
    "hana": {
        "BOOLEAN": "boolean", "SMALLINT": "smallint", "INTEGER": "int", "BIGINT": "bigint",
        "REAL": "float", "DOUBLE": "double", "DATE": "date", "TIMESTAMP": "timestamp",
        "BLOB": "binary", "NCLOB": "map<string,string>", "DECIMAL": "decimal",
        "NVARCHAR": "varchar",
    },
    "sqlite": {"TEXT": "string", "INTEGER": "bigint", "REAL": "double", "BLOB": "binary"},
}  # fmt: skip


def hive_type_of(shown: str, dialect: str) -> str | None:
    """The Hive type for a type of the target; None where it is none that a replica makes.

    Args:
        shown: As the target writes it.
        dialect: ``postgresql``, ``hana`` or ``sqlite``.

    Example:
        >>> hive_type_of("NUMERIC(18, 2)", "postgresql"), hive_type_of("NCLOB", "hana")
        ('decimal(18,2)', 'map<string,string>')
    """
    name, _, arguments = shown.strip().upper().partition("(")
    base = _BACK[dialect].get(name.strip())
    if base is None or not arguments:
        return base
    numbers = "".join(arguments.rstrip(")").split())
    if dialect == "hana" and (base, numbers) == ("varchar", str(_HANA_LONGEST)):
        return "string"
    return f"{base}({numbers})"


def _hana_type(parsed: HiveType) -> TypeEngine:
    if parsed.base == "decimal":
        precision, scale = parsed.arguments
        return sa.DECIMAL(precision, scale)
    if parsed.base in ("char", "varchar"):
        length = parsed.arguments[0]
        return sa.NVARCHAR(length) if length <= _HANA_LONGEST else _nclob()
    return _nclob() if parsed.base == "nested" else _HANA[parsed.base]


def _nclob() -> TypeEngine:
    from sqlalchemy_hana.types import NCLOB

    return NCLOB()
