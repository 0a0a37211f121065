"""What a private training is asked to keep, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from amodels_assets.privacy.statement import ACCOUNTANTS, NOISE, UNITS, PrivacyError


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """The guarantee that is wanted.

    Attributes:
        epsilon: At most.
        delta: 0 for the number of units to the power of -1.1.
        unit: Of ``statement.UNITS``.
        contributions: Most sequences of a source table.
        clip: Largest norm of what a unit gives to a step.
        accountant: Of ``statement.ACCOUNTANTS``.
        noise: Of ``statement.NOISE``.
    """

    epsilon: float
    delta: float = 0.0
    unit: str = "sequence"
    contributions: int = 8
    clip: float = 1.0
    accountant: str = "prv"
    noise: str = "secret"

    def __post_init__(self) -> None:
        """Refuse what nobody can keep.

        Raises:
            PrivacyError: A setting is out of its range.
        """
        for name, known in (("unit", UNITS), ("accountant", ACCOUNTANTS), ("noise", NOISE)):
            if getattr(self, name) not in known:
                raise PrivacyError(
                    f"privacy.{name} is {getattr(self, name)!r}: give one of {', '.join(known)}"
                )
        for name in ("epsilon", "clip"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise PrivacyError(f"privacy.{name} is {value}: give a number above 0")
        if not 0 <= self.delta < 1:
            raise PrivacyError(f"privacy.delta is {self.delta}: give at least 0, less than 1")
        if self.contributions < 1:
            raise PrivacyError(f"privacy.contributions is {self.contributions}: give at least 1")

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The settings out of :meth:`to_json`'s data."""
        return cls(**raw)
