"""From a target ε to noise and batch size, and what the target means to an attacker.

Belongs here: the arithmetic of choosing, as plain data. Does not belong here: the accountants
(``accounting.py``) and what is printed (``commands/privacy.py``).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from amodels_assets.privacy.accounting import epsilon, noise_for
from amodels_assets.privacy.statement import Mechanism, PrivacyError


def usual_delta(units: int) -> float:
    """δ for a number of units: below one in all of them, n to the power of -1.1.

    With δ = 1/n, to publish one unit at random as it is would be allowed.

    Raises:
        PrivacyError: There are no two units.
    """
    if units < 2:
        raise PrivacyError(f"there are {units} units: nothing hides one among fewer than 2")
    return float(units**-1.1)


@dataclass(frozen=True)
class Meaning:
    """What an attacker can do at most who knows everything but whether one unit was there.

    Attributes:
        likelihood_ratio: exp(ε): how much likelier any outcome is with the unit than without, for
            outcomes of more than probability δ.
        certainty: How sure somebody can become who first held both for equally likely.
        found_at_one_percent: Share of units that are recognised as members by a test that takes
            one stranger in a hundred for one (Kairouz, Oh and Viswanath, arXiv 1311.0776).
        guessed: Probability of guessing in one attempt a random secret of a million that occurs
            in one unit.
        exposure_gain: Bits by which the mean exposure of a secret in one unit can be above
            chance, δ aside.
    """

    likelihood_ratio: float
    certainty: float
    found_at_one_percent: float
    guessed: float
    exposure_gain: float


def meaning(of: float, delta: float) -> Meaning:
    """What ε and δ bound.

    Args:
        of: ε; infinite for no bound.
        delta: δ.
    """
    ratio = math.exp(of) if of < 700 else math.inf
    false = 0.01
    bounds = (ratio * false + delta, 1 - math.exp(-of) * (1 - delta - false), 1.0)
    return Meaning(
        likelihood_ratio=ratio,
        certainty=min(1.0, (1 - (1 - delta) / (1 + ratio)) if ratio < math.inf else 1.0),
        found_at_one_percent=min(bounds),
        guessed=min(1.0, ratio * 1e-6 + delta),
        exposure_gain=of / math.log(2),
    )


@dataclass(frozen=True)
class PrivacyPlan:
    """A training that keeps a target ε.

    Attributes:
        units: How many there are.
        batch_size: Units in a step on average.
        steps: How many.
        noise_multiplier: See :class:`Mechanism`.
        epsilon: What it comes to, at or a little below the target.
        delta: δ.
        accountant: That was asked.
        noise_batch_ratio: Noise multiplier over batch size: the standard deviation of the noise
            that each weight's mean gradient gets, in units of the clip.
    """

    units: int
    batch_size: int
    steps: int
    noise_multiplier: float
    epsilon: float
    delta: float
    accountant: str

    @property
    def noise_batch_ratio(self) -> float:
        """See above."""
        return self.noise_multiplier / self.batch_size

    @property
    def mechanism(self) -> Mechanism:
        """The steps."""
        return Mechanism(self.noise_multiplier, self.batch_size / self.units, self.steps)

    def to_json(self) -> dict[str, Any]:
        """The plan and what it means, as JSON-serialisable data."""
        return {
            **asdict(self),
            "sample_rate": self.mechanism.sample_rate,
            "noise_batch_ratio": self.noise_batch_ratio,
            "meaning": asdict(meaning(self.epsilon, self.delta)),
        }


def plan(
    target: float,
    units: int,
    *,
    steps: int,
    batch_size: int,
    delta: float | None = None,
    accountant: str = "prv",
) -> PrivacyPlan:
    """The least noise with which a training keeps a target ε.

    Args:
        target: ε.
        units: How many there are.
        steps: How many.
        batch_size: Units in a step on average.
        delta: δ; :func:`usual_delta` by default.
        accountant: ``prv`` or ``rdp``.

    Raises:
        PrivacyError: A figure is out of its range, or no noise is enough.
    """
    delta = usual_delta(units) if delta is None else delta
    if batch_size < 1 or batch_size > units:
        raise PrivacyError(f"batch_size is {batch_size}: give 1 to {units}, the number of units")
    rate = batch_size / units
    noise = noise_for(target, delta, sample_rate=rate, steps=steps, accountant=accountant)
    spent = epsilon([Mechanism(noise, rate, steps)], delta, accountant)
    return PrivacyPlan(units, batch_size, steps, noise, spent, delta, accountant)


def choose_batch(
    target: float,
    units: int,
    *,
    steps: int,
    noise_batch_ratio: float = 0.01,
    delta: float | None = None,
    accountant: str = "prv",
) -> PrivacyPlan:
    """The smallest batch whose mean gradient has no more noise than wanted.

    A larger batch samples each unit more often and so takes more noise, but less than in
    proportion: what its mean gradient has of it falls, and what a step costs rises. How well a
    language model learns goes by that ratio (McKenna et al., arXiv 2501.18914).

    Args:
        target: ε.
        units: How many there are.
        steps: How many.
        noise_batch_ratio: The most that is wanted; see :class:`PrivacyPlan`.
        delta: δ; :func:`usual_delta` by default.
        accountant: ``prv`` or ``rdp``.

    Raises:
        PrivacyError: A figure is out of its range, or no batch is large enough.
    """
    if not noise_batch_ratio > 0:
        raise PrivacyError(f"noise_batch_ratio is {noise_batch_ratio}: give more than 0")
    delta = usual_delta(units) if delta is None else delta
    sizes = [2**k for k in range(units.bit_length()) if 2**k < units] + [units]
    for size in sizes:
        noise = noise_batch_ratio * size
        # Asked of the faster accountant, whose ε is a little too high.
        if epsilon([Mechanism(noise, size / units, steps)], delta, "rdp") <= target:
            return plan(
                target, units, steps=steps, batch_size=size, delta=delta, accountant=accountant
            )
    raise PrivacyError(
        f"with a noise-batch ratio of {noise_batch_ratio:g}, {steps} steps are beyond an epsilon "
        f"of {target:g} even with batches of all {units} units: allow a larger ratio or epsilon, "
        "or take fewer steps"
    )
