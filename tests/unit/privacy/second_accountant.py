"""A second accountant, which shares nothing with the first but the mechanism that it judges.

Belongs here: ε from the discretised distribution of a step's privacy loss, composed by a Fourier
transform, for a unit that is left out and for one that is added; and the exact δ of a Gaussian.
Neither code nor choice of grid is that of Gopi et al.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from amodels_assets.privacy.statement import Mechanism


def second_epsilon(mechanism: Mechanism, delta: float, *, cells: int = 2**18) -> float:
    """The larger of the two ε: with the unit against without it, and the other way round."""
    return max(_epsilon(mechanism, delta, cells, removed=removed) for removed in (True, False))


def _epsilon(mechanism: Mechanism, delta: float, cells: int, *, removed: bool) -> float:
    rate, noise = mechanism.sample_rate, mechanism.noise_multiplier
    # The outcome x of one step: N(0, noise²) without the unit, a mixture with N(1, noise²) with it.
    x = np.linspace(-12 * noise, 1 + 12 * noise, 100_001)
    loss = np.logaddexp(np.log1p(-rate) if rate < 1 else -np.inf,
                        np.log(rate) + (2 * x - 1) / (2 * noise**2))  # fmt: skip
    without, moved = ndtr(x / noise), ndtr((x - 1) / noise)
    distribution = (1 - rate) * without + rate * moved if removed else without
    if not removed:
        loss = -loss
    mass = np.diff(distribution)
    middle = (loss[1:] + loss[:-1]) / 2
    mean = float(mass @ middle)
    spread = np.sqrt(mechanism.steps * float(mass @ (middle - mean) ** 2))
    reach = 12 * spread + 2 * float(np.abs(middle).max()) / np.sqrt(mechanism.steps)
    # Centred, so that the sum of all steps stays on the grid.
    grid = np.linspace(-reach, reach, cells, endpoint=False)
    width = grid[1] - grid[0]
    place = (middle - mean - grid[0]) / width
    left = np.clip(np.floor(place).astype(np.int64), 0, cells - 2)
    # Shared between both neighbours, which keeps the mean.
    share = np.clip(place - left, 0.0, 1.0)
    one = np.bincount(left, mass * (1 - share), cells) + np.bincount(left + 1, mass * share, cells)
    whole = np.fft.irfft(np.fft.rfft(np.roll(one, cells // 2)) ** mechanism.steps, cells)
    total = np.maximum(np.roll(whole, -(cells // 2)), 0.0)
    losses = grid + mechanism.steps * mean

    tail, scaled = (np.cumsum(part[::-1])[::-1] for part in (total, total * np.exp(-losses)))

    def excess(epsilon: float) -> float:
        first = int(np.searchsorted(losses, epsilon))
        return float(tail[first] - np.exp(epsilon) * scaled[first]) if first < cells else 0.0

    return _root(excess, delta)


def gaussian_epsilon(noise: float, steps: int, delta: float) -> float:
    """ε of whole batches: together one Gaussian, whose δ is known (Balle and Wang, 2018)."""
    distance = np.sqrt(steps) / noise

    def excess(epsilon: float) -> float:
        near, far = distance / 2 - epsilon / distance, -distance / 2 - epsilon / distance
        return float(ndtr(near) - np.exp(epsilon) * ndtr(far))

    return _root(excess, delta)


def _root(excess: Callable[[float], float], delta: float) -> float:
    low, high = 0.0, 1.0
    while excess(high) > delta:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        if excess(middle) > delta:
            low = middle
        else:
            high = middle
    return high
