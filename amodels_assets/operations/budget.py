"""How much of what was promised is kept, and how fast the rest is spent.

Belongs here: indicators out of the record, error budgets and burn rates. Does not belong here: the
promises (``objectives.py``) and who is told (``notices.py``).

Several windows and burn rates at once, each long window with a short one, are the way of Google's
"The Site Reliability Workbook", chapter 5 ("Alerting on SLOs"), sections 5 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from amodels_assets.operations.objectives import Alert, Objective
from amodels_assets.operations.period import show_period
from amodels_assets.operations.schema import OPERATIONS


class Indicator(Protocol):
    """What is good and what is bad."""

    def measure(self, begin: float, end: float) -> tuple[float, float]:
        """Good and bad between two moments, in seconds or evaluations."""
        ...


@dataclass(frozen=True)
class Freshness:
    """Time in which an asset is fresh.

    Attributes:
        made: When it was made, ascending; before the first nothing is known.
        within: Seconds for which it is fresh.
    """

    made: Sequence[float]
    within: float

    def measure(self, begin: float, end: float) -> tuple[float, float]:
        """Seconds in which it was fresh and in which it was not."""
        if not self.made or self.made[0] >= end:
            return 0.0, 0.0
        known = end - max(begin, self.made[0])
        nexts = [*self.made[1:], end]
        stale = sum(
            max(0.0, min(following, end) - max(at + self.within, begin))
            for at, following in zip(self.made, nexts, strict=True)
        )
        return known - stale, stale


@dataclass(frozen=True)
class Outcomes:
    """Evaluations of checks.

    Attributes:
        seen: When each was, and whether it passed.
    """

    seen: Sequence[tuple[float, bool]]

    def measure(self, begin: float, end: float) -> tuple[float, float]:
        """How many passed and how many did not."""
        inside = [good for at, good in self.seen if begin <= at < end]
        return float(sum(inside)), float(len(inside) - sum(inside))


@dataclass(frozen=True)
class Standing:
    """How an objective stands.

    Attributes:
        objective: The promise.
        kept: Share of the window that was good; None where nothing is known.
        budget_left: Share of the error budget, below 0 when overspent; None as well.
        burning: Alerts that are, each with the burn rate over its long window.
    """

    objective: Objective
    kept: float | None
    budget_left: float | None
    burning: tuple[tuple[Alert, float], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the promise is kept and nothing endangers it."""
        return not self.burning and (self.budget_left is None or self.budget_left >= 0)

    @property
    def told(self) -> str:
        """A sentence."""
        if self.kept is None or self.budget_left is None:
            return "nothing is known yet"
        what = "of the time fresh" if self.objective.dimension == "freshness" else "passed"
        sentence = (
            f"{self.kept:.2%} {what} in {show_period(self.objective.window)}, promised "
            f"{self.objective.target:.2%}; {self.budget_left:.0%} of the error budget are left"
        )
        return f"{sentence}; it is spent {self.burns}" if self.burning else sentence

    @property
    def burns(self) -> str:
        """How fast, in words; empty where no alert is."""
        return ", ".join(
            f"{rate:.1f} times as fast as it lasts over {show_period(alert.long)}"
            for alert, rate in self.burning
        )

    def row(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "asset": self.objective.asset,
            "objective": self.objective.dimension,
            "target": self.objective.target,
            "window_seconds": self.objective.window,
            "kept": self.kept,
            "budget_left": self.budget_left,
            "passed": self.passed,
            "burning": self.burns,
        }


def standings(
    connection: sa.Connection,
    objectives: Iterable[Objective],
    now: float,
    *,
    since: float | None = None,
) -> list[Standing]:
    """How all of them stand.

    Args:
        connection: To the record.
        objectives: The promises.
        now: Seconds since 1970.
        since: As for :func:`standing`.
    """
    return [
        standing(each, indicator(connection, each, now, since), now, since=since)
        for each in objectives
    ]


def standing(
    objective: Objective, found: Indicator, now: float, *, since: float | None = None
) -> Standing:
    """How one stands.

    Args:
        objective: The promise.
        found: What is good and what is bad.
        now: Seconds since 1970.
        since: Seconds back from now whose share that was kept is told, in place of the window.
    """
    good, bad = found.measure(now - (since or objective.window), now)
    if good + bad <= 0:
        return Standing(objective, None, None)
    allowed = 1 - objective.target
    burning = []
    for alert in objective.alerts:
        threshold = alert.burn_rate(objective.window)
        rates = [_rate(found, now, span, allowed) for span in (alert.long, alert.short)]
        if all(rate >= threshold for rate in rates):
            burning.append((alert, rates[0]))
    return Standing(
        objective,
        good / (good + bad),
        1 - bad / (good + bad) / allowed,
        tuple(burning),
    )


def indicator(
    connection: sa.Connection, objective: Objective, now: float, since: float | None = None
) -> Indicator:
    """What the record has on an objective, over its window and ``since`` seconds at least."""
    begin = now - max(objective.window, since or 0.0)
    if objective.dimension == "freshness":
        return Freshness(_made(connection, objective.asset, begin), objective.within)
    names = [f"{objective.asset}:{check}" for check in objective.checks]
    table = OPERATIONS.c
    query = sa.select(table.started_at, table.status).where(
        table.kind == "check", table.name.in_(names), table.started_at >= begin
    )
    return Outcomes([(row.started_at, row.status == "passed") for row in connection.execute(query)])


def _made(connection: sa.Connection, asset: str, begin: float) -> list[float]:
    """When an asset was made in the window, and the last time before."""
    table = OPERATIONS.c
    ended = table.started_at + sa.func.coalesce(table.seconds, 0.0)
    of_asset = (table.kind == "materialization", table.name == asset)
    before = connection.execute(sa.select(sa.func.max(ended)).where(*of_asset, ended < begin))
    inside = connection.execute(sa.select(ended).where(*of_asset, ended >= begin))
    last = before.scalar()
    return sorted([*([] if last is None else [last]), *inside.scalars()])


def _rate(found: Indicator, now: float, span: float, allowed: float) -> float:
    good, bad = found.measure(now - span, now)
    return bad / (good + bad) / allowed if good + bad > 0 else 0.0
