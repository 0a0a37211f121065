"""The stated model of downgrade risk: coefficients, the probability, and the best score.

Belongs here: what the probability of a downgrade is, given facts known before the cut-off, and
how well those probabilities can rank. Does not belong here: where the facts come from
(``bank.py``) or how they are written (``rows.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

FACILITY_TYPES = ("term_loan", "revolving", "overdraft", "guarantee", "leasing")
FACILITY_TYPE_SHARES = (0.35, 0.25, 0.2, 0.1, 0.1)
FACILITY_TYPE_EFFECTS = (-0.1, 0.1, 0.35, -0.45, -0.2)

SECTORS = (
    "agriculture",
    "construction",
    "energy",
    "food",
    "health",
    "logistics",
    "machinery",
    "retail",
    "software",
    "tourism",
)
SECTOR_EFFECTS = (0.1, 0.45, -0.1, -0.3, -0.55, 0.0, -0.15, 0.3, -0.25, 0.5)


@dataclass(frozen=True)
class Coefficients:
    """Weights of the log-odds of a downgrade; the page docs/sample.md states them."""

    intercept: float = -2.7
    interest_margin: float = 0.5
    collateral_ratio: float = -0.55
    facility_type: float = 1.0
    rating: float = 0.85
    leverage: float = 0.4
    sector: float = 1.0
    unemployment_rate: float = 0.25
    days_past_due: float = 1.25
    inflow_fall: float = 0.75
    utilisation: float = 0.35
    days_past_due_and_leverage: float = 0.35
    previous_downgrade: float = 0.5


@dataclass(frozen=True)
class Facts:
    """What is known of facilities at one cut-off; one entry a facility in every array.

    Attributes:
        interest_margin: Share of a year's interest, such as 0.025.
        collateral_ratio: Collateral over limit; NaN where not recorded.
        facility_type: Index into ``FACILITY_TYPES``.
        rating: The client's, 1 (best) to 10.
        leverage: The client's debt over equity; NaN where not recorded.
        sector: Index into ``SECTORS``.
        unemployment_rate: The client's region's, in percent.
        days_past_due: Largest in the 90 days before the cut-off, 0 without a transaction.
        inflow_recent: Sum of inflows in the 90 days before the cut-off, over the limit.
        inflow_before: The same for the 90 days before those.
        utilisation: At the last month end before the cut-off, 0 where nothing was drawn.
        previous_downgrade: The outcome of the quarter before was a downgrade.
    """

    interest_margin: Floats
    collateral_ratio: Floats
    facility_type: Integers
    rating: Integers
    leverage: Floats
    sector: Integers
    unemployment_rate: Floats
    days_past_due: Integers
    inflow_recent: Floats
    inflow_before: Floats
    utilisation: Floats
    previous_downgrade: Booleans


@dataclass(frozen=True)
class LogOdds:
    """The log-odds of a downgrade in three parts that add up; one entry a facility.

    Attributes:
        own: The intercept and the facility's own columns.
        parents: The client and its region.
        recent: Transactions, exposures and the outcome before.
    """

    own: Floats
    parents: Floats
    recent: Floats

    def probability(self) -> Floats:
        """Probability of a downgrade within the quarter, rounded to six digits."""
        total = self.own + self.parents + self.recent
        return np.round(1.0 / (1.0 + np.exp(-total)), 6)


def log_odds(facts: Facts, weights: Coefficients | None = None) -> LogOdds:
    """The log-odds of a downgrade within the quarter after the cut-off.

    Missing collateral ratios and leverages count as the population's centre.
    """
    w = weights or Coefficients()
    collateral = np.nan_to_num((facts.collateral_ratio - 0.6) / 0.3, nan=0.0)
    leverage = np.nan_to_num((facts.leverage - 2.0) / 1.0, nan=0.0)
    own = (
        w.intercept
        + w.interest_margin * (facts.interest_margin - 0.03) / 0.012
        + w.collateral_ratio * collateral
        + w.facility_type * np.array(FACILITY_TYPE_EFFECTS)[facts.facility_type]
    )
    parents = (
        w.rating * (facts.rating - 5.0) / 2.0
        + w.leverage * leverage
        + w.sector * np.array(SECTOR_EFFECTS)[facts.sector]
        + w.unemployment_rate * (facts.unemployment_rate - 6.5) / 2.0
    )
    late = np.log1p(facts.days_past_due.astype(np.float64) / 5.0)
    fall = np.log((facts.inflow_before + 0.05) / (facts.inflow_recent + 0.05))
    recent = (
        w.days_past_due * late
        + w.days_past_due_and_leverage * late * leverage
        + w.inflow_fall * np.clip(fall, -1.5, 1.5)
        + w.utilisation * (facts.utilisation - 0.4) / 0.3
        + w.previous_downgrade * facts.previous_downgrade
    )
    return LogOdds(own=own, parents=parents, recent=recent)


def expected_auroc(probability: Floats) -> float:
    """The AUROC that the true probabilities reach on average over drawn labels.

    The best that any model can expect: the share of (positive, negative) pairs that the
    probabilities put in order, each pair weighted by its probability of being such a pair.
    """
    order = np.argsort(probability, kind="stable")
    p = probability[order]
    values, start = np.unique(p, return_index=True)
    end = np.append(start[1:], len(p))
    negatives = np.concatenate([[0.0], np.cumsum(1.0 - p)])
    positives = np.concatenate([[0.0], np.cumsum(p)])
    positive = positives[end] - positives[start]
    tied = negatives[end] - negatives[start]
    # A row is never its own pair, neither among the ties nor in the total.
    itself = (end - start) * values * (1.0 - values)
    pairs = positives[-1] * negatives[-1] - itself.sum()
    ordered = (positive * negatives[start]).sum() + 0.5 * (positive * tied - itself).sum()
    return float(ordered / pairs)


def realised_auroc(score: Floats, label: Booleans) -> float:
    """The AUROC of ``score`` on drawn labels, ties counting one half.

    Raises:
        ValueError: All labels are equal.
    """
    positives, negatives = int(label.sum()), int((~label).sum())
    if positives == 0 or negatives == 0:
        raise ValueError("an AUROC needs positive and negative labels")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    rank_sum = float(ranks[label].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)
