"""Which change of a column's Hive type keeps every value.

Belongs here: widening. Does not belong here: what a type is called in a target (``types.py``).
"""

from __future__ import annotations

from amodels_assets.schemas.types import HiveType, parse_hive_type

# Digits that the largest value has.
_INTEGERS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
# Floating-point types hold integers up to 2 to the power of 24 and of 53 exactly.
_EXACT_IN = {"float": ("tinyint", "smallint"), "double": ("tinyint", "smallint", "int", "float")}
_TEXTS = ("char", "varchar", "string")
_UNBOUNDED = 1 << 62


def widens(old: str, new: str) -> bool:
    """Whether every value of the old type is a value of the new one.

    Args:
        old: Hive type.
        new: Hive type.

    Example:
        >>> widens("int", "bigint"), widens("decimal(10,2)", "decimal(12,4)")
        (True, True)
        >>> widens("bigint", "int"), widens("decimal(10,2)", "decimal(10,4)")
        (False, False)
    """
    before, after = parse_hive_type(old), parse_hive_type(new)
    if before == after:
        # Of nested types only the text says whether they are the same.
        return before.base != "nested" or old.lower() == new.lower()
    if before.base in _TEXTS and after.base in _TEXTS:
        padded = after.base == "char" and before.base != "char"
        return not padded and _length(before) <= _length(after)
    if after.base == "string":
        return before.base not in ("binary", "nested")
    if before.base in _INTEGERS:
        return _integer_widens(before.base, after)
    if before.base == "decimal" and after.base == "decimal":
        (precision, scale), (wider, finer) = before.arguments, after.arguments
        return finer >= scale and wider - finer >= precision - scale
    return (before.base, after.base) in (("float", "double"), ("date", "timestamp"))


def _integer_widens(before: str, after: HiveType) -> bool:
    if after.base in _INTEGERS:
        return _INTEGERS[after.base] >= _INTEGERS[before]
    if after.base == "decimal":
        precision, scale = after.arguments
        return precision - scale >= _INTEGERS[before]
    return before in _EXACT_IN.get(after.base, ())


def _length(text: HiveType) -> int:
    return text.arguments[0] if text.arguments else _UNBOUNDED
