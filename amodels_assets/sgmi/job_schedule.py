"""When a Control-M job may run, what cron can say of it and what it cannot."""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEK_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNSAYABLE = ("DAYS_AND_OR", "DAYS=", "WEEKDAYS=", "DAYSCAL", "WEEKSCAL", "CONFCAL", "RULE", "IND_")
_UNSAYABLE_TIME = ("INTERVAL=", "TIMEFROM=")


@dataclass(frozen=True)
class Dates:
    """Date and time fields of a job.

    Attributes:
        month_days: Day numbers as text, ``ALL``, or working days such as ``D1``; sorted.
        week_days: 0 is Sunday, as text where the export says something else; sorted.
        months: 1 to 12; empty for all.
        both: Whether month days and week days must both hold.
        time_from: ``HHMM`` or empty.
        time_to: ``HHMM``, ``>`` for open-ended, or empty.
        calendar: Named calendar of month days.
        week_calendar: Named calendar of week days.
        confirmation_calendar: Named calendar that confirms or refuses a date.
        shift: What is done with a refused date.
        rule_based_calendars: Names; sorted.
        interval: Minutes between runs of a cyclic job, 0 when it is not cyclic.
        from_end: Whether the interval counts from a run's end.
        max_wait: Days, 0 for none.
        confirm: Whether a person confirms each run.
    """

    month_days: tuple[str, ...] = ()
    week_days: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    both: bool = False
    time_from: str = ""
    time_to: str = ""
    calendar: str = ""
    week_calendar: str = ""
    confirmation_calendar: str = ""
    shift: str = ""
    rule_based_calendars: tuple[str, ...] = ()
    interval: int = 0
    from_end: bool = False
    max_wait: int = 0
    confirm: bool = False

    @property
    def has_date(self) -> bool:
        """Whether some date starts or allows the job."""
        return bool(
            self.month_days
            or self.week_days
            or self.calendar
            or self.week_calendar
            or self.rule_based_calendars
        )


def sorted_days(days: list[str]) -> tuple[str, ...]:
    """Day names in numeric order; exports sort them as strings."""
    return tuple(sorted(set(days), key=lambda day: (len(day), day)))


def not_expressible(dates: Dates) -> list[str]:
    """Fields that cron cannot say, as ``FIELD=value`` in Control-M's names, sorted."""
    found = []
    numbers = [d for d in dates.month_days if d != "ALL"]
    if dates.both and dates.week_days and numbers:
        found.append("DAYS_AND_OR=A")
    if any(not _is_day(day, 1, 31) for day in numbers):
        found.append(f"DAYS={','.join(dates.month_days)}")
    if any(not _is_day(day, 0, 6) for day in dates.week_days):
        found.append(f"WEEKDAYS={','.join(dates.week_days)}")
    if dates.time_to not in ("", ">"):
        found.append(f"TIMETO={dates.time_to}")
    named = [
        ("DAYSCAL", dates.calendar),
        ("WEEKSCAL", dates.week_calendar),
        ("CONFCAL", dates.confirmation_calendar),
        ("SHIFT", dates.shift),
        ("MAXWAIT", str(dates.max_wait or "")),
        *(("RULE_BASED_CALENDAR", name) for name in dates.rule_based_calendars),
    ]
    found += [f"{name}={value}" for name, value in named if value]
    if dates.confirm:
        found.append("CONFIRM=1")
    if dates.interval and dates.from_end:
        found.append("IND_CYCLIC=E")
    if dates.interval and _cyclic_fields(dates.interval, "") is None:
        found.append(f"INTERVAL={dates.interval}M")
    elif dates.time_from and (
        not _is_time(dates.time_from)
        or (dates.interval and _cyclic_fields(dates.interval, dates.time_from) is None)
    ):
        found.append(f"TIMEFROM={dates.time_from}")
    return sorted(found)


def cron(dates: Dates) -> str | None:
    """The cron line that starts a job, None where cron cannot say its dates.

    Limits that do not move a start (TIMETO, MAXWAIT, CONFIRM, SHIFT) leave the line as it is;
    they are in :func:`not_expressible`.
    """
    unsaid = not_expressible(dates)
    # Without a time the job starts at the installation's new-day time, which is unknown here.
    timed = bool(dates.time_from) or dates.interval > 0
    if (
        not dates.has_date
        or not timed
        or any(f.startswith(_UNSAYABLE + _UNSAYABLE_TIME) for f in unsaid)
    ):
        return None
    if dates.interval:
        minute, hour = _cyclic_fields(dates.interval, dates.time_from) or ("", "")
    else:
        minute, hour = str(int(dates.time_from[2:4])), str(int(dates.time_from[:2]))
    every_day = "ALL" in dates.month_days
    days = "*" if every_day else ",".join(dates.month_days) or "*"
    week_days = ",".join(dates.week_days) or "*"
    if every_day and not dates.both:
        week_days = "*"
    months = ",".join(str(month) for month in dates.months) or "*"
    return f"{minute} {hour} {days} {months} {week_days}"


def trigger(dates: Dates, *, waits: bool, all_external: bool) -> str:
    """What starts a job, one of the values of ``job_schedules.trigger``.

    Args:
        dates: Its dates.
        waits: Whether it waits for a condition.
        all_external: Whether no job of the exports adds any of them.
    """
    if dates.has_date:
        return "cron_and_conditions" if waits else "cron"
    if waits:
        return "external" if all_external else "conditions"
    return "never"


def _cyclic_fields(interval: int, time_from: str) -> tuple[str, str] | None:
    """Minute and hour fields of an interval in minutes that counts from ``HHMM`` on.

    None where it does not fit evenly into an hour or a day, or its first hour differs from the
    others.
    """
    hour, minute = (int(time_from[:2]), int(time_from[2:])) if _is_time(time_from) else (0, 0)
    if interval < 60 and 60 % interval == 0 and minute < interval:
        minutes = f"{minute}-59/{interval}" if minute else f"*/{interval}"
        return ("*" if interval == 1 else minutes), (f"{hour}-23" if hour else "*")
    if interval % 60 == 0 and interval < 1440 and 24 % (interval // 60) == 0:
        every = interval // 60
        hours = f"{hour}-23" if hour else "*"
        return str(minute), (hours if every == 1 else f"{hours}/{every}")
    return None


def _is_day(text: str, low: int, high: int) -> bool:
    return text.isdecimal() and len(text) <= 2 and low <= int(text) <= high


def _is_time(text: str) -> bool:
    return len(text) == 4 and text.isdecimal() and int(text[:2]) < 24 and int(text[2:]) < 60
