"""Operations on a page: tables and pictures, as Markdown or HTML.

Belongs here: how the record is shown. Does not belong here: queries (``summary.py``).
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from amodels_assets.markdown import embedded_picture
from amodels_assets.operations.summary import Row, added, by_day, costs, failures, summary

_MOST = 20
_COLOURS = {
    "succeeded": "tab:green",
    "failed": "tab:red",
    "retried": "tab:orange",
    "interrupted": "tab:purple",
    "skipped": "tab:gray",
    "running": "tab:blue",
}
_TITLES = ("time", "CPU time", "GPU time", "energy")
_STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}"
    "img{max-width:100%}"
)


@dataclass(frozen=True)
class Figures:
    """What a page shows.

    Attributes:
        since: Seconds since 1970.
        until: Seconds since 1970.
        summary: As ``summary.summary`` has it.
        failures: As ``summary.failures`` has it.
        costs: As ``summary.costs`` has it.
        days: As ``summary.by_day`` has it.
        currency: Of costs; empty where none is declared.
        objectives: A row each, as ``objectives_table`` shows them.
    """

    since: float
    until: float
    summary: Sequence[Row]
    failures: Sequence[Row]
    costs: Sequence[Row]
    days: Sequence[Row]
    currency: str = ""
    objectives: Sequence[Row] = field(default_factory=tuple)


def read_figures(
    connection: sa.Connection,
    since: float,
    until: float,
    *,
    currency: str = "",
    objectives: Sequence[Row] = (),
) -> Figures:
    """Everything that a page shows, of one moment."""
    return Figures(
        since,
        until,
        summary(connection, since),
        failures(connection, since),
        costs(connection, since),
        by_day(connection, since),
        currency,
        objectives,
    )


def as_markdown(figures: Figures, *, pictures: bool = True) -> str:
    """The page.

    Args:
        figures: That it shows.
        pictures: Whether pictures are drawn into it, for which matplotlib is needed.
    """
    parts = [
        f"# Operations\n\nFrom {moment(figures.since)} to {moment(figures.until)}.",
        "## What happened\n\n" + summary_table(figures.summary, figures.currency),
        "## What went wrong\n\n" + failures_table(figures.failures[:_MOST]),
        "## What it took\n\n" + costs_table(figures.costs[:_MOST], figures.currency),
    ]
    if figures.objectives:
        parts.append("## What was promised\n\n" + objectives_table(figures.objectives))
    if pictures and figures.days:
        parts.insert(2, embedded_picture(picture(figures.days), "steps and CPU hours by day"))
    return "\n\n".join(parts) + "\n"


def as_html(markdown: str) -> str:
    """The page as one HTML file that loads nothing."""
    from markdown import markdown as rendered

    body = rendered(markdown, extensions=["tables"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Operations</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def summary_table(rows: Iterable[Row], currency: str) -> str:
    """What there was of each kind."""
    head = ["kind", "room", "status", "count", *_TITLES]
    body = [
        [row["kind"], row["room"], row["status"], f"{row['count']:,}", *_figures(row)]
        for row in rows
    ]
    return _table([*head, _cost_of(currency)], body, right=3)


def failures_table(rows: Iterable[Row]) -> str:
    """What went wrong."""
    head = ["kind", "name", "status", "error class", "count", "last"]
    body = [
        [
            *(row[name] for name in ("kind", "name", "status", "error_class")),
            f"{row['count']:,}",
            "" if row["last"] is None else moment(row["last"]),
        ]
        for row in rows
    ]
    return _table(head, body, right=4) if body else "Nothing."


def costs_table(rows: Iterable[Row], currency: str) -> str:
    """What steps used."""
    head = ["room", "step", "count", *_TITLES]
    body = [[row["room"], row["name"], f"{row['count']:,}", *_figures(row)] for row in rows]
    return _table([*head, _cost_of(currency)], body, right=2)


def objectives_table(rows: Iterable[Row]) -> str:
    """What was promised, and how much of it was kept."""
    head = ["asset", "objective", "target", "kept", "budget left", "burning"]
    body = [
        [
            row["asset"],
            row["objective"],
            f"{row['target']:.2%}",
            "not known" if row["kept"] is None else f"{row['kept']:.2%}",
            "not known" if row["budget_left"] is None else f"{row['budget_left']:.0%}",
            row["burning"],
        ]
        for row in rows
    ]
    return _table(head, body, right=2)


def moment(at: float) -> str:
    """A moment as people read it, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def picture(days: Sequence[Row]) -> bytes:
    """Steps by day and status, and their CPU hours by room, as PNG."""
    from matplotlib.figure import Figure

    seen = sorted(date.fromisoformat(row["day"]) for row in days)
    span = (seen[-1] - seen[0]).days + 1
    # A day without anything is a gap.
    dates = [(seen[0] + timedelta(days=number)).isoformat() for number in range(span)]
    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    _stacked(left, dates, _by(days, "status", "count", 1.0), "steps")
    _stacked(right, dates, _by(days, "room", "cpu_seconds", 3600.0), "CPU hours")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def _stacked(
    axes: Any, dates: Sequence[str], series: Mapping[str, Mapping[str, float]], what: str
) -> None:
    below = [0.0] * len(dates)
    for name, values in sorted(series.items()):
        heights = [values.get(day, 0.0) for day in dates]
        # Rooms have the usual colours in turn.
        axes.bar(dates, heights, bottom=below, label=name or "none", color=_COLOURS.get(name))
        below = [one + other for one, other in zip(below, heights, strict=True)]
    axes.set_ylabel(what)
    # A label a day would be one over the other.
    every = max(1, len(dates) // 4)
    axes.set_xticks(range(0, len(dates), every), dates[::every], fontsize=7)
    if series:
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


def _by(days: Iterable[Row], group: str, figure: str, unit: float) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in days:
        if row[figure] is not None:
            values = found.setdefault(row[group], {})
            values[row["day"]] = (added(values.get(row["day"]), row[figure] / unit)) or 0.0
    return found


def _figures(row: Row) -> list[str]:
    shown = [_duration(row[name]) for name in ("seconds", "cpu_seconds", "gpu_seconds")]
    energy, cost = row["energy_joules"], row["cost"]
    shown.append("" if energy is None else f"{energy / 3.6e6:,.3f} kWh")
    return [*shown, "" if cost is None else f"{cost:,.2f}"]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, length, most in (("s", 1.0, 120.0), ("min", 60.0, 7200.0)):
        if seconds < most:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 3600:,.1f} h"


def _cost_of(currency: str) -> str:
    return f"cost ({currency})" if currency else "cost"


def _table(head: Sequence[str], body: Iterable[Sequence[str]], *, right: int) -> str:
    """A table whose columns from ``right`` on hold figures."""
    marks = ["---" if number < right else "---:" for number in range(len(head))]
    lines = [head, marks, *([_cell(cell) for cell in row] for row in body)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Names are somebody's: none of them is markup."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|!" else sign for sign in escaped)
