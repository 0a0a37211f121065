"""What a training with differential privacy promises, as plain data.

Belongs here: the words and figures that a checkpoint's manifest carries. Does not belong here: how
ε is computed (``accounting.py``) and how the promise is kept (``gradients.py``). Imports nothing
heavy: whoever reads a manifest needs no more than this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

UNITS = {
    "sequence": "one training sequence: whatever is read in one piece, with all that it says; "
    "of conversations that are packed together, all of them",
    "source_table": "all questions about one table or view of the source; at most so many of "
    "them as contributions says, and none that tells of two tables",
}
ACCOUNTANTS = ("prv", "rdp")
NOISE = {
    "secret": "from a key of the operating system that is destroyed when the training ends",
    "seeded": "from the training's seed, which stands in its manifest: whoever reads that can "
    "compute the noise and take it off, so there is no guarantee",
}
ADJACENCY = "a unit is there, or everything that it contributes is left out"


class PrivacyError(ValueError):
    """A private training cannot be done or told of like that; the message says what to do."""


@dataclass(frozen=True)
class Mechanism:
    """Steps of one kind: a Poisson-sampled sum of clipped gradients with Gaussian noise.

    Attributes:
        noise_multiplier: Standard deviation of the noise over the largest norm of a unit's share.
        sample_rate: Probability with which each unit takes part in a step.
        steps: How many.
    """

    noise_multiplier: float
    sample_rate: float
    steps: int

    def __post_init__(self) -> None:
        """Refuse what is no such mechanism.

        Raises:
            PrivacyError: A figure is out of its range.
        """
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise PrivacyError(f"noise_multiplier is {self.noise_multiplier}: give at least 0")
        if not 0 < self.sample_rate <= 1:
            raise PrivacyError(
                f"sample_rate is {self.sample_rate}: give more than 0, and at most 1; a batch "
                "cannot be larger than the number of units"
            )
        if self.steps < 0:
            raise PrivacyError(f"steps is {self.steps}: give at least 0")


@dataclass(frozen=True)
class PrivacyStatement:
    """The guarantee of one training.

    For every two data sets of which one lacks a unit, and every set of possible outcomes, the
    probabilities that the released weights are in it differ at most by the factor exp(ε), but for
    δ (Dwork et al., 2006).

    Attributes:
        unit: Of ``UNITS``.
        units: How many there were; not protected itself.
        contributions: Most sequences of one unit; the others were left out before the training.
        epsilon: For all steps that were planned: stopping early depends on what was seen.
        delta: Above.
        accountant: Of ``ACCOUNTANTS``.
        clip: Largest norm of what a unit adds to a step's sum.
        noise_multiplier: As in :class:`Mechanism`.
        sample_rate: As in :class:`Mechanism`.
        steps: That were planned.
        noise: Of ``NOISE``.
        source: Artifact that the units are from, without its version: a later version holds mostly
            the same, so their ε add up.
        data_version: Of the source.
    """

    unit: str
    units: int
    contributions: int
    epsilon: float
    delta: float
    accountant: str
    clip: float
    noise_multiplier: float
    sample_rate: float
    steps: int
    noise: str
    source: str
    data_version: str

    def __post_init__(self) -> None:
        """Refuse what says nothing.

        Raises:
            PrivacyError: A word is unknown, or δ is no probability.
        """
        for name, known in (("unit", UNITS), ("accountant", ACCOUNTANTS), ("noise", NOISE)):
            if getattr(self, name) not in known:
                raise PrivacyError(
                    f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}"
                )
        if not 0 < self.delta < 1:
            raise PrivacyError(f"delta is {self.delta}: give more than 0, less than 1")
        if not self.epsilon >= 0:
            raise PrivacyError(f"epsilon is {self.epsilon}: give at least 0")
        Mechanism(self.noise_multiplier, self.sample_rate, self.steps)

    @property
    def mechanism(self) -> Mechanism:
        """What was done, for a composition with others."""
        return Mechanism(self.noise_multiplier, self.sample_rate, self.steps)

    @property
    def holds(self) -> bool:
        """Whether anybody who reads the manifest is still kept from computing the noise."""
        return self.noise == "secret"

    def to_json(self) -> dict[str, Any]:
        """The statement with its words explained, as JSON-serialisable data.

        JSON has no infinity: an ε without bound is null.
        """
        raw = asdict(self)
        return {
            **raw,
            "epsilon": self.epsilon if math.isfinite(self.epsilon) else None,
            "meaning": {
                "unit": UNITS[self.unit],
                "adjacency": ADJACENCY,
                "noise": NOISE[self.noise],
            },
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PrivacyStatement:
        """The statement out of :meth:`to_json`'s data.

        Raises:
            PrivacyError: A field is missing, unknown or out of its range.
        """
        fields = {name: value for name, value in raw.items() if name != "meaning"}
        missing = set(cls.__dataclass_fields__) - set(fields)
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if missing or unknown:
            raise PrivacyError(
                f"a privacy statement lacks {sorted(missing)} and has unknown {sorted(unknown)}: "
                "it was written by another release; train again"
            )
        if fields["epsilon"] is None:
            fields["epsilon"] = math.inf
        return cls(**fields)
