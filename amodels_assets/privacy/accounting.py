"""ε of trainings, and the noise that a target ε takes.

Belongs here: what opacus' accountants are asked. Does not belong here: what it means (``plan.py``).
Imports opacus inside the functions.

The PRV accountant composes the privacy losses of the steps numerically (Gopi, Lee and Wutschitz,
arXiv 2106.02848); its ε is an upper bound, above the true one by little. The RDP accountant bounds
moments (Mironov, arXiv 1702.07476; Mironov, Talwar and Zhang, arXiv 1908.10530); its ε is larger,
and it has an answer where the numerical one has none.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import cache

from amodels_assets.privacy.statement import ACCOUNTANTS, Mechanism, PrivacyError

# What the numbers of the PRV accountant may be above the true ones.
_ERROR = 0.01
# Between these the noise for a target is looked for.
_LEAST, _MOST = 0.05, 1e5


def epsilon(mechanisms: Sequence[Mechanism], delta: float, accountant: str = "prv") -> float:
    """ε of mechanisms one after the other, each free to depend on what came out before.

    Args:
        mechanisms: All on the same units; infinite where one of them adds no noise.
        delta: Of the sum.
        accountant: ``prv`` or ``rdp``.

    Raises:
        PrivacyError: δ or the accountant cannot be used, or the numbers are beyond it.
    """
    _check(delta, accountant)
    steps = [m for m in mechanisms if m.steps]
    if any(m.noise_multiplier == 0 for m in steps):
        return math.inf
    if not steps:
        return 0.0
    found = _ask(steps, delta, accountant, _ERROR)
    if accountant == "prv" and found < 1:
        # The first answer's own error is much of it.
        found = _ask(steps, delta, accountant, max(found * _ERROR, _ERROR / 10))
    return found


@cache
def noise_for(
    target: float, delta: float, *, sample_rate: float, steps: int, accountant: str = "prv"
) -> float:
    """The least noise multiplier that keeps ε at or below a target, to one percent of it.

    Args:
        target: ε.
        delta: δ.
        sample_rate: Probability with which each unit takes part in a step.
        steps: How many.
        accountant: ``prv`` or ``rdp``.

    Raises:
        PrivacyError: A figure is out of its range, or no noise is enough.
    """
    if not (math.isfinite(target) and target > 0):
        raise PrivacyError(f"the target epsilon is {target}: give a number above 0, 2 say")
    if steps < 1:
        raise PrivacyError(f"steps is {steps}: give at least 1")
    _check(delta, accountant)
    Mechanism(1.0, sample_rate, steps)

    def spent(noise: float) -> float:
        """ε, or without end where the accountant has no answer: with too little noise."""
        try:
            return epsilon([Mechanism(noise, sample_rate, steps)], delta, accountant)
        except PrivacyError:
            return math.inf

    above = math.inf
    enough = _first_guess(target, delta, sample_rate, steps, accountant)
    while (below := spent(enough)) > target:
        enough *= 2
        if enough > _MOST:
            raise PrivacyError(f"no noise keeps epsilon at {target}: take fewer steps")
    little = enough * 0.85
    while little > _LEAST and (above := spent(little)) <= target:
        enough, below, little = little, above, little / 2
    while below < 0.99 * target and enough - little > 1e-3 * enough:
        middle = _between(little, enough, above, below, 0.995 * target)
        if (found := spent(middle)) <= target:
            enough, below = middle, found
        else:
            little, above = middle, found
    return enough


def _between(little: float, enough: float, above: float, below: float, wanted: float) -> float:
    """Noise for a wanted ε between two: on a double logarithmic scale ε is nearly a line."""
    share = 0.5
    if math.isfinite(above):
        share = math.log(above / wanted) / math.log(above / below)
    return little * (enough / little) ** min(0.9, max(0.1, share))


def _first_guess(
    target: float, delta: float, sample_rate: float, steps: int, accountant: str
) -> float:
    """The answer of the faster accountant, which is a little too high."""
    if accountant == "rdp":
        return 1.0
    try:
        return noise_for(target, delta, sample_rate=sample_rate, steps=steps, accountant="rdp")
    except PrivacyError:
        # Its bound never falls below some ε, however much noise there is.
        return 1.0


def _check(delta: float, accountant: str) -> None:
    if accountant not in ACCOUNTANTS:
        raise PrivacyError(f"accountant is {accountant!r}: give one of {', '.join(ACCOUNTANTS)}")
    if not 0 < delta < 1:
        raise PrivacyError(f"delta is {delta}: give more than 0, less than 1")


def _ask(steps: Sequence[Mechanism], delta: float, accountant: str, error: float) -> float:
    try:
        from opacus.accountants import PRVAccountant, RDPAccountant
    except ImportError as missing:
        raise PrivacyError(
            f"{missing.name} is not installed: say `pip install 'amodels[language]'`"
        ) from missing
    asked = PRVAccountant() if accountant == "prv" else RDPAccountant()
    asked.history = [(m.noise_multiplier, m.sample_rate, m.steps) for m in steps]
    try:
        with warnings.catch_warnings():
            # Of divisions by zero at the ends of its grid, and of orders at the end of a list.
            warnings.simplefilter("ignore")
            if accountant == "prv":
                found = asked.get_epsilon(delta, eps_error=error)
            else:
                found = asked.get_epsilon(delta)
    except (ArithmeticError, MemoryError, RuntimeError, ValueError, IndexError) as failed:
        raise PrivacyError(
            f"the {accountant} accountant has no answer for {list(steps)} at delta {delta} "
            f"({failed}): give more noise" + (", or ask rdp" if accountant == "prv" else "")
        ) from failed
    if not math.isfinite(found):
        raise PrivacyError(
            f"the {accountant} accountant has no answer for {list(steps)} at delta {delta}: "
            "give more noise"
        )
    return max(0.0, float(found))
