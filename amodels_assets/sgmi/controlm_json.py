"""Control-M jobs-as-code in JSON to jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from amodels_assets.sgmi.decode import decode
from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_model import Condition, Job
from amodels_assets.sgmi.job_schedule import MONTHS, WEEK_DAYS, Dates, sorted_days

Json = Mapping[str, object]
_KINDS = {"Job:Command": "Command", "Job:Script": "Job", "Job:Dummy": "Dummy"}
_FOLDERS = {"Folder", "SimpleFolder", "SubFolder"}
_DATE_RULES = {
    "OrderDate": "ODAT",
    "PrevOrderDate": "PREV",
    "NextOrderDate": "NEXT",
    "NoDate": "STAT",
    "AnyDate": "****",
}
_MINUTES = {"Minutes": 1, "Hours": 60, "Days": 1440}
_NONE = ("", "NONE")
# What a text file cannot have either; pairs of backslashes first, they escape nothing.
_ESCAPED_CONTROL = re.compile(r"(\\\\)|\\(?:b|u00(?:0[0-8ef]|1[0-9a-f]))", re.IGNORECASE)


def read_json(data: bytes, file: str, diagnostics: Diagnostics) -> list[Job]:
    """Jobs of one file of jobs-as-code.

    Args:
        data: The file.
        file: Its path, for diagnostics.
        diagnostics: Gets the faults.
    """
    text = _ESCAPED_CONTROL.sub(lambda match: match[1] or " ", decode(data).text)
    try:
        root = json.loads(text)
    except json.JSONDecodeError as error:
        words = f"the JSON is broken ({error.msg}): its jobs are lost"
        diagnostics.error("json_broken", words, file, error.lineno)
        return []
    except RecursionError:
        diagnostics.error("json_broken", "the JSON is nested too deep: its jobs are lost", file)
        return []
    reader = _JsonReader(text, file, diagnostics)
    for name, entry in _mapping(root).items():
        if _text(_mapping(entry).get("Type")) in _FOLDERS:
            reader.folder(name, _mapping(entry), "")
    if not reader.jobs:
        diagnostics.warning("no_jobs", "the export holds no job", file)
    return reader.jobs


class _JsonReader:
    """Walks the folders in the order in which they stand in the text."""

    def __init__(self, text: str, file: str, diagnostics: Diagnostics) -> None:
        self.text = text
        self.file = file
        self.diagnostics = diagnostics
        self.jobs: list[Job] = []
        self.position = 0
        self.line = 1

    def find_line(self, name: str) -> int:
        """Line of the next object of this name: the walk and the text have the same order."""
        key = re.escape(json.dumps(name, ensure_ascii=False))
        escaped = re.escape(json.dumps(name))
        match = re.compile(rf"(?:{key}|{escaped})\s*:\s*\{{").search(self.text, self.position)
        if match:
            self.line += self.text.count("\n", self.position, match.start())
            self.position = match.start()
        return self.line

    def folder(self, name: str, entry: Json, parent: str) -> None:
        path = f"{parent}/{name}" if parent else name
        line = self.find_line(name)
        if parent:
            text = f"folder {name} stands inside {parent}"
            self.diagnostics.info("folder_in_folder", text, self.file, line, name)
        for key, value in entry.items():
            inner = _mapping(value)
            kind = _text(inner.get("Type"))
            if kind.startswith("Job:") or kind == "Job":
                self.jobs.append(self.job(key, inner, path, kind))
            elif kind in _FOLDERS:
                self.folder(key, inner, path)

    def job(self, name: str, entry: Json, folder: str, kind: str) -> Job:
        job = Job(
            name=name,
            folder=folder,
            application=_text(entry.get("Application")),
            sub_application=_text(entry.get("SubApplication")),
            kind=_KINDS.get(kind, kind.removeprefix("Job:")),
            raw_command=_text(entry.get("Command")),
            member=_text(entry.get("FileName")),
            host_group=_text(entry.get("Host")),
            run_as=_text(entry.get("RunAs")),
            description=_text(entry.get("Description")),
            file=self.file,
            line=self.find_line(name),
        )
        for variable in _list(entry.get("Variables")):
            for key, value in _mapping(variable).items():
                job.variables[f"%%{key.lstrip('%')}"] = _text(value)
        job.waits, job.logic = _waits(entry.get("eventsToWaitFor"))
        job.adds = _events(entry.get("eventsToAdd"))
        job.deletes = _events(entry.get("eventsToDelete"))
        for key, value in entry.items():
            if key.startswith(("If", "On")):
                job.deletes += _deleted(_mapping(value))
        job.dates = self.dates(job, entry)
        return job

    def dates(self, job: Job, entry: Json) -> Dates:
        when = _mapping(entry.get("When"))
        rerun = _mapping(entry.get("Rerun"))
        confirmation = _mapping(when.get("ConfirmationCalendars"))
        calendars = _mapping(when.get("RuleBasedCalendars")).get("Included")
        months = tuple(
            sorted({MONTHS.index(m) + 1 for m in _texts(when.get("Months")) if m in MONTHS})
        )
        names = [d for d in _texts(when.get("WeekDays")) if d not in _NONE]
        every, units = _text(rerun.get("Every")), _text(rerun.get("Units")) or "Minutes"
        interval = int(every) * _MINUTES.get(units, 0) if _is_number(every) else 0
        if rerun and not interval:
            words = f"Rerun every {every!r} {units} cannot be read"
            self.diagnostics.warning("bad_interval", words, self.file, job.line, job.name)
        keep = _text(entry.get("DaysKeepActive"))
        name = _text(confirmation.get("Calendar"))
        return Dates(
            month_days=sorted_days([d for d in _texts(when.get("MonthDays")) if d not in _NONE]),
            week_days=sorted_days(
                [str(WEEK_DAYS.index(d)) if d in WEEK_DAYS else d for d in names]
            ),
            months=() if len(months) == 12 else months,
            both=_text(when.get("DaysRelation")).upper() == "AND",
            time_from=_text(when.get("FromTime")),
            time_to=_text(when.get("ToTime")),
            calendar=_text(when.get("MonthDaysCalendar")),
            week_calendar=_text(when.get("WeekDaysCalendar")),
            confirmation_calendar=name,
            shift=_text(confirmation.get("ExceptionPolicy")) if name else "",
            rule_based_calendars=tuple(sorted(set(_texts(calendars)))),
            interval=interval,
            from_end=interval > 0 and _text(rerun.get("From")).upper().startswith("E"),
            max_wait=int(keep) if _is_number(keep) else 0,
            confirm=_text(entry.get("Confirm")).lower() == "true",
        )


def _waits(value: object) -> tuple[list[Condition], str]:
    waits: list[Condition] = []
    logic: list[str] = []
    for item in _list(_mapping(value).get("Events")):
        if isinstance(item, str):
            logic.append(item.upper())
            continue
        condition = _condition(item)
        if logic and logic[-1] not in ("AND", "OR", "("):
            logic.append("AND")
        logic.append(condition.name)
        waits.append(condition)
    return waits, " ".join(logic)


def _events(value: object) -> list[Condition]:
    items = _list(_mapping(value).get("Events"))
    return [_condition(item) for item in items if isinstance(item, Mapping)]


def _condition(item: object) -> Condition:
    event = _mapping(item)
    date = _text(event.get("Date")) or "OrderDate"
    return Condition(_text(event.get("Event")), _DATE_RULES.get(date, date))


def _deleted(action: Json) -> list[Condition]:
    """Conditions that a reaction to the job's end removes: never an edge."""
    found = []
    for value in action.values():
        inner = _mapping(value)
        if _text(inner.get("Type")) in ("Event:Delete", "DeleteEvent"):
            found.append(_condition(inner))
    return found


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [_text(item) for item in _list(value)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 7
