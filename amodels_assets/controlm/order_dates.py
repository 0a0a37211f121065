"""On which order dates a job may run, and what Control-M's date variables stand for.

Belongs here: date filters and system variables. Does not belong here: cron (room ``sgmi`` says
what can be said with it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

_VARIABLE = re.compile(r"%%\\?(\$?[A-Za-z_]\w*)\.?")


class UnknownVariableError(ValueError):
    """A command needs a variable that nothing here knows."""


@dataclass(frozen=True)
class DateFilter:
    """Dates on which a job may run.

    Attributes:
        months: 1 to 12; empty for all.
        month_days: Day numbers as text, or ``ALL``; empty when only week days count.
        week_days: 0 is Sunday, as text; empty when only month days count.
        both: Whether month days and week days must both hold; else one of them is enough.
    """

    months: tuple[int, ...] = ()
    month_days: tuple[str, ...] = ()
    week_days: tuple[str, ...] = ()
    both: bool = False

    def allows(self, day: date) -> bool:
        """Whether a job may run on an order date; a filter of nothing allows all."""
        if self.months and day.month not in self.months:
            return False
        in_month = "ALL" in self.month_days or str(day.day) in self.month_days
        in_week = str(day.isoweekday() % 7) in self.week_days
        if not self.month_days and not self.week_days:
            return True
        if not self.month_days:
            return in_week
        if not self.week_days:
            return in_month
        return (in_month and in_week) if self.both else (in_month or in_week)


def system_variables(order_date: date, now: datetime, job: Mapping[str, str]) -> dict[str, str]:
    """Control-M's own variables for one run.

    Args:
        order_date: ODATE.
        now: Start of the run.
        job: ``JOBNAME``, ``APPLIC``, ``APPLGROUP``, ``OWNER``, ``NODEID``, ``ORDERID``.
    """
    dates = {"O": order_date, "": now.date()}
    found = dict(job)
    for prefix, day in dates.items():
        found |= {
            f"{prefix}DATE": f"{day:%y%m%d}",
            f"${prefix}DATE": f"{day:%Y%m%d}",
            f"{prefix}YEAR": f"{day:%y}",
            f"${prefix}YEAR": f"{day:%Y}",
            f"{prefix}MONTH": f"{day:%m}",
            f"{prefix}DAY": f"{day:%d}",
            f"{prefix}WDAY": str(day.isoweekday() % 7),
        }
    return found | {"TIME": f"{now:%H%M%S}"}


def filled_in(command: str, variables: Mapping[str, str]) -> str:
    """A command with its variables replaced.

    Raises:
        UnknownVariableError: One has no value.
    """
    unknown: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        found = variables.get(name, variables.get(name.upper()))
        if found is None:
            unknown.append(f"%%{name}")
            return match.group(0)
        return found

    filled = _VARIABLE.sub(value, command)
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        text = f"{names} has no value: set it in the job's VARIABLEs"
        raise UnknownVariableError(text)
    return filled


def as_filter(row: Mapping[str, Sequence[object]]) -> DateFilter:
    """The ``date_filter`` of a row of ``job_schedules``."""
    return DateFilter(
        tuple(int(str(month)) for month in row["months"]),
        tuple(map(str, row["month_days"])),
        tuple(map(str, row["week_days"])),
        row["and_or"] == "A",
    )
