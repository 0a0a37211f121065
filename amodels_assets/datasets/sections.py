"""Mappings that people wrote, read with messages that name the place.

Belongs here: reading YAML and taking typed values from it. Does not belong here: what the values
mean (``relational.py``, ``relbench.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path


class SpecError(ValueError):
    """A declaration cannot be used; the message names the file and what to change."""


def read_yaml(path: Path) -> object:
    """What a YAML file holds.

    Raises:
        SpecError: The file cannot be read or is no YAML.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise SpecError(f"{path}{where} is not valid YAML: correct it") from error


class Section:
    """A mapping of a file.

    Attributes:
        raw: The mapping.
        source: The file, for messages.
        where: The place in the file, for messages.
    """

    def __init__(self, raw: object, source: str, where: str, *, may_be_empty: bool = False) -> None:
        if not isinstance(raw, Mapping) or not (raw or may_be_empty):
            rule = "a mapping" if may_be_empty else "a mapping with at least one entry"
            raise SpecError(f"{source}: {where} must be {rule}")
        self.raw: Mapping[object, object] = raw
        self.source = source
        self.where = where

    def allow(self, known: set[str]) -> None:
        """Refuse every key that is not known."""
        unknown = sorted(str(key) for key in self.raw if key not in known)
        if unknown:
            raise SpecError(
                f"{self.source}: {self.where} has the unknown key {unknown[0]!r}: "
                f"known are {', '.join(sorted(known))}"
            )

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.raw.get(key) is not None

    def section(self, key: str, *, may_be_empty: bool = False) -> Section:
        """A mapping below this one."""
        return Section(self._get(key), self.source, key, may_be_empty=may_be_empty)

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise SpecError(f"{self.source}: {key} of {self.where} must be a text, not {value!r}")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text that is not empty; None where there is none."""
        return self.text(key) if self.has(key) else None

    def whole_number(self, key: str) -> int:
        """A number that fits 32 bits."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
            raise SpecError(f"{self.source}: {key} must be a whole number from 0 to 4294967295")
        return value

    def number(self, key: str, example: float) -> float:
        """A number from 0 to a billion.

        Args:
            key: Of the number.
            example: For the message.
        """
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
            raise SpecError(
                f"{self.source}: {key} of {self.where} is {value!r}: give a number, {example:g} say"
            )
        return float(value)

    def moment(self, key: str) -> datetime:
        """A date (its first second) or a moment, without a zone: an offset is taken to UTC."""
        value = self._get(key)
        try:
            found = datetime.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            found = None
        if type(found) is date:
            found = datetime(found.year, found.month, found.day)
        if not isinstance(found, datetime) or found.microsecond:
            raise SpecError(
                f"{self.source}: {key} is {value!r}: give a date such as 2024-04-01 or a moment "
                "in whole seconds such as 2024-04-01T06:00:00"
            )
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found

    def optional_moment(self, key: str) -> datetime | None:
        """A date or moment; None where there is none."""
        return self.moment(key) if self.has(key) else None

    def names(self, key: str) -> dict[str, str]:
        """Pairs of names; none where the key is not there."""
        if key not in self.raw:
            return {}
        pairs = self.section(key, may_be_empty=True).raw
        for name, value in pairs.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise SpecError(
                    f"{self.source}: {name!r}: {value!r} in {key} of {self.where} "
                    "must be two names: put them in quotes"
                )
        return {str(name): str(value) for name, value in pairs.items()}

    def texts(self, key: str) -> list[str] | None:
        """A list of texts; None where there is none."""
        if not self.has(key):
            return None
        found = self.raw[key]
        if not isinstance(found, list) or not found or not all(isinstance(x, str) for x in found):
            raise SpecError(f"{self.source}: {key} of {self.where} must be a list of names")
        return [str(name) for name in found]

    def _get(self, key: str) -> object:
        if key not in self.raw:
            raise SpecError(f"{self.source}: {self.where} lacks {key!r}")
        return self.raw[key]
