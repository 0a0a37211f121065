"""When a Control-M job runs, and what cron can say of it.

Belongs here: a job's date and time fields and the truth derived from them. Does not belong here:
how an export spells them (``controlm.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Schedule:
    """Date and time fields of a job; everything empty means that no date starts it.

    Attributes:
        days: Days of the month as text, ``("ALL",)``, or working days such as ``D1`` and ``L1``.
        weekdays: 0 is Sunday.
        months: 1 to 12; empty for all.
        both: With days and weekdays, whether both must hold (``DAYS_AND_OR=A``).
        time_from: ``HHMM``, or empty.
        time_to: ``HHMM``, ``>`` for open-ended, or empty.
        calendar: ``DAYSCAL``.
        week_calendar: ``WEEKSCAL``.
        confirmation_calendar: ``CONFCAL``.
        shift: ``SHIFT``, for what the confirmation calendar refuses.
        rule_based_calendar: Name of a ``RULE_BASED_CALENDAR``.
        interval: Minutes of ``INTERVAL``; written also where the job is not cyclic.
        cyclic: Whether the interval means anything.
        cyclic_from_end: Whether the interval counts from a run's end.
        max_wait: Days of ``MAXWAIT``, 0 for none.
        confirm: Whether a person has to confirm each run.
    """

    days: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    both: bool = False
    time_from: str = ""
    time_to: str = ""
    calendar: str = ""
    week_calendar: str = ""
    confirmation_calendar: str = ""
    shift: str = ""
    rule_based_calendar: str = ""
    interval: int = 0
    cyclic: bool = False
    cyclic_from_end: bool = False
    max_wait: int = 0
    confirm: bool = False

    @property
    def has_date(self) -> bool:
        """Whether some date starts or allows the job."""
        return bool(
            self.days
            or self.weekdays
            or self.calendar
            or self.week_calendar
            or self.rule_based_calendar
        )

    def not_expressible(self) -> list[str]:
        """Fields that cron cannot say, as ``FIELD=value`` in Control-M's XML names."""
        found = []
        if self.both and self.weekdays and self._month_days():
            found.append("DAYS_AND_OR=A")
        if any(not day.isdigit() and day != "ALL" for day in self.days):
            found.append(f"DAYS={','.join(self.days)}")
        if self.time_to not in {"", ">"}:
            found.append(f"TIMETO={self.time_to}")
        for name, value in (
            ("DAYSCAL", self.calendar),
            ("WEEKSCAL", self.week_calendar),
            ("CONFCAL", self.confirmation_calendar),
            ("SHIFT", self.shift),
            ("RULE_BASED_CALENDAR", self.rule_based_calendar),
            ("MAXWAIT", str(self.max_wait or "")),
        ):
            if value:
                found.append(f"{name}={value}")
        if self.confirm:
            found.append("CONFIRM=1")
        if self.cyclic and self.cyclic_from_end:
            found.append("IND_CYCLIC=E")
        return sorted(found)

    def cron(self) -> str | None:
        """The cron line, None where cron cannot say the dates or the times.

        Limits on a run that do not move its start (``TIMETO``, ``MAXWAIT``, ``CONFIRM``) leave
        the line as it is: they are in :meth:`not_expressible`.
        """
        unsayable = ("DAYS_AND_OR", "DAYS=", "DAYSCAL", "WEEKSCAL", "CONFCAL", "RULE", "IND_")
        if not self.has_date or any(f.startswith(unsayable) for f in self.not_expressible()):
            return None
        minute, hour = (str(int(self.time_from[2:])), str(int(self.time_from[:2])))
        if self.cyclic:
            minute, hour = f"*/{self.interval}", "*"
        days = ",".join(str(day) for day in sorted(int(day) for day in self._month_days())) or "*"
        weekdays = ",".join(str(day) for day in sorted(self.weekdays)) or "*"
        if self.days == ("ALL",) and self.weekdays and not self.both:
            weekdays = "*"
        months = ",".join(str(month) for month in sorted(self.months)) or "*"
        return f"{minute} {hour} {days} {months} {weekdays}"

    def _month_days(self) -> tuple[str, ...]:
        return () if self.days == ("ALL",) else self.days


def trigger(schedule: Schedule, waits: bool, *, external_only: bool = False) -> str:
    """What starts a job: ``cron``, ``conditions``, both, ``external`` or ``never``.

    Args:
        schedule: Its dates.
        waits: Whether it waits for conditions.
        external_only: Whether nobody in the export adds any of them.
    """
    if external_only and not schedule.has_date:
        return "external"
    if schedule.has_date:
        return "cron_and_conditions" if waits else "cron"
    return "conditions" if waits else "never"
