"""Service-level objectives, as people declare them in a YAML file.

Belongs here: reading the declaration. Does not belong here: what it means for Dagster
(``policies.py``, ``checks.py``) and whether a promise is kept (``budget.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amodels_assets.datasets.sections import Section, SpecError, read_yaml
from amodels_assets.operations.names import OBJECTIVE
from amodels_assets.operations.period import parse_period, show_period

DIMENSIONS = ("freshness", "completeness", "accuracy")
# Google's "The Site Reliability Workbook", chapter 5, table 5-8: what share of the budget is gone
# after how long, and the short window that tells whether it still is being spent.
_WORKBOOK = ((0.02, 3600.0, 300.0), (0.05, 21600.0, 1800.0), (0.1, 259200.0, 21600.0))


@dataclass(frozen=True)
class Alert:
    """When somebody is told.

    Attributes:
        budget: Share of the whole budget that is spent within ``long``.
        long: Seconds.
        short: Seconds; of a budget that is not being spent any more nobody is told.
    """

    budget: float
    long: float
    short: float

    def burn_rate(self, window: float) -> float:
        """How many times as fast as the budget of a window lasts."""
        return self.budget * window / self.long


@dataclass(frozen=True)
class Objective:
    """A promise.

    Attributes:
        asset: Its key, with slashes.
        dimension: One of ``DIMENSIONS``.
        target: Share that has to be good: of the time for freshness, else of the evaluations.
        window: Seconds back from now that count.
        alerts: When somebody is told; any of them.
        within: Of freshness, seconds after which an asset is not fresh any more.
        checks: Of the others, names of the asset's checks whose evaluations count.
    """

    asset: str
    dimension: str
    target: float
    window: float
    alerts: tuple[Alert, ...]
    within: float = 0.0
    checks: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Asset and dimension."""
        return f"{self.asset} {self.dimension}"

    @property
    def check(self) -> str:
        """Name of the asset check that tells whether it is kept."""
        return f"{OBJECTIVE}{self.dimension}"


def read_objectives(path: Path) -> tuple[Objective, ...]:
    """Read the declaration.

    Raises:
        SpecError: It cannot be used; the message names the place.
    """
    raw = read_yaml(path)
    if raw is None:
        return ()
    top = Section(raw, str(path), "the file", may_be_empty=True)
    found = []
    for asset in top.raw:
        if not isinstance(asset, str) or not all(asset.split("/")):
            raise SpecError(f"{path}: {asset!r} is no asset: give its key, sgmi/tables say")
        dimensions = top.section(asset)
        dimensions.allow(set(DIMENSIONS))
        found += [
            _objective(asset, name, dimensions) for name in DIMENSIONS if dimensions.has(name)
        ]
    return tuple(found)


def _objective(asset: str, dimension: str, dimensions: Section) -> Objective:
    raw = dimensions.raw[dimension]
    section = Section(raw, dimensions.source, f"{dimension} of {asset}")
    own = "within" if dimension == "freshness" else "checks"
    section.allow({own, "target", "window", "alerts"})
    target, window = section.number("target", 0.99), _period(section, "window")
    if not 0 < target < 1:
        raise SpecError(
            f"{section.source}: target of {section.where} is {target:g}: give a share between 0 "
            "and 1, 0.99 say; nothing is promised to be good all of the time"
        )
    within, checks = 0.0, None
    if own == "within":
        within = _period(section, "within")
        if within < 60 or within >= window:
            raise SpecError(
                f"{section.source}: within of {section.where} must be a minute or more and shorter "
                "than the window"
            )
    else:
        checks = section.texts("checks")
        if checks is None:
            raise SpecError(f"{section.source}: {section.where} lacks 'checks'")
    alerts = _alerts(section, target, window)
    return Objective(asset, dimension, target, window, alerts, within, tuple(checks or ()))


def _alerts(section: Section, target: float, window: float) -> tuple[Alert, ...]:
    if not section.has("alerts"):
        usual = [Alert(*figures) for figures in _WORKBOOK]
        alerts = [alert for alert in usual if _can_be(alert, target, window)]
        if not alerts:
            raise SpecError(
                f"{section.source}: with this target and window none of the usual alerts of "
                f"{section.where} could ever be: give it alerts"
            )
        return tuple(alerts)
    raw = section.raw["alerts"]
    if not isinstance(raw, list) or not raw:
        raise SpecError(f"{section.source}: alerts of {section.where} must be a list")
    return tuple(
        _alert(section, each, number, target, window) for number, each in enumerate(raw, 1)
    )


def _alert(section: Section, raw: object, number: int, target: float, window: float) -> Alert:
    one = Section(raw, section.source, f"alert {number} of {section.where}")
    one.allow({"budget", "long", "short"})
    alert = Alert(one.number("budget", 0.05), _period(one, "long"), _period(one, "short"))
    if not 0 < alert.budget <= 1 or not alert.short < alert.long <= window:
        raise SpecError(
            f"{one.source}: {one.where} needs a budget between 0 and 1, and short shorter than "
            f"long, which is at most the window of {show_period(window)}"
        )
    if not _can_be(alert, target, window):
        raise SpecError(
            f"{one.source}: {one.where} could never be: when all is bad for "
            f"{show_period(alert.long)}, less of the budget is spent"
        )
    return alert


def _can_be(alert: Alert, target: float, window: float) -> bool:
    return alert.long <= window and alert.burn_rate(window) <= 1 / (1 - target)


def _period(section: Section, key: str) -> float:
    try:
        return parse_period(section.text(key))
    except ValueError as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"{section.source}: {key} of {section.where}: {error}") from error
