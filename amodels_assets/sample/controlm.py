"""Spells jobs as Control-M does: folder exports in XML, the same jobs as code in JSON.

Belongs here: both texts, and on which line a job starts. Does not belong here: which jobs there
are (``jobs.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from amodels_assets.sample.jobs import SCRIPT_FOLDER, Job, Wait
from amodels_assets.sample.schedule import MONTHS, WEEKDAYS, Schedule

FOLDER = "controlm"
SERVER = "ctm-server"
_JSON_DATES = {"ODAT": "OrderDate", "PREV": "PrevOrderDate", "STAT": "NoDate"}
_JSON_KINDS = {"Command": "Job:Command", "Job": "Job:Script", "Dummy": "Job:Dummy"}


@dataclass(frozen=True)
class Folder:
    """A folder of jobs, and the folders inside it."""

    name: str
    jobs: tuple[Job, ...]
    folders: tuple[Folder, ...] = ()


def folders_of(jobs: Sequence[Job]) -> list[Folder]:
    """The folders that the jobs name, in order of appearance."""
    names = list(dict.fromkeys(job.folder for job in jobs))
    return [Folder(name, tuple(job for job in jobs if job.folder == name)) for name in names]


def render_xml(folders: Sequence[Folder]) -> str:
    """A ``DEFTABLE`` of folders."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!--Exported folders-->", "<DEFTABLE>"]
    for folder in folders:
        lines += _xml_folder(folder, "SMART_FOLDER" if folder.folders else "FOLDER", "", 1)
    return "\n".join([*lines, "</DEFTABLE>", ""])


def render_json(folders: Sequence[Folder]) -> str:
    """The same folders as code."""
    found = {folder.name: _json_folder(folder) for folder in folders}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def wait_tokens(waits: Sequence[Sequence[Wait]]) -> Iterator[Wait | str]:
    """Conditions in order, with ``AND``, ``OR``, ``(`` and ``)`` between them."""
    for number, group in enumerate(waits):
        if number:
            yield "AND"
        if len(group) > 1:
            yield "("
        for place, wait in enumerate(group):
            if place:
                yield "OR"
            yield wait
        if len(group) > 1:
            yield ")"


def _xml_folder(folder: Folder, tag: str, parent: str, depth: int) -> list[str]:
    indent = "  " * depth
    path = f"{parent}/{folder.name}" if parent else folder.name
    attributes = {
        "DATACENTER": SERVER,
        "VERSION": "900",
        "PLATFORM": "UNIX",
        "FOLDER_NAME": folder.name,
        "FOLDER_ORDER_METHOD": "SYSTEM",
    }
    if parent:
        attributes = {"JOBNAME": folder.name, "PARENT_FOLDER": parent, "TASKTYPE": "SMART Table"}
    lines = [f"{indent}<{tag} {_attributes(attributes)}>"]
    for job in folder.jobs:
        lines += _xml_job(job, path, indent + "  ")
    for inner in folder.folders:
        lines += _xml_folder(inner, "SUB_FOLDER", path, depth + 1)
    return [*lines, f"{indent}</{tag}>"]


def _xml_job(job: Job, parent: str, indent: str) -> list[str]:
    attributes = {
        "JOBISN": "0",
        "APPLICATION": job.application,
        "SUB_APPLICATION": job.sub_application,
        "JOBNAME": job.name,
        "DESCRIPTION": job.description,
        "TASKTYPE": job.kind,
        "RUN_AS": job.run_as,
        "NODEID": job.host,
    }
    if job.kind == "Command":
        attributes["CMDLINE"] = job.raw_command
    elif job.kind == "Job":
        attributes |= {"MEMNAME": job.script, "MEMLIB": SCRIPT_FOLDER}
    attributes |= _xml_schedule(job.schedule)
    attributes["PARENT_FOLDER"] = parent
    lines = [f"{indent}<JOB {_attributes(attributes)}>"]
    inner = indent + "  "
    for name, value in job.variables:
        lines.append(f"{inner}<VARIABLE {_attributes({'NAME': name, 'VALUE': value})} />")
    if job.schedule.rule_based_calendar:
        name = {"NAME": job.schedule.rule_based_calendar}
        lines.append(f"{inner}<RULE_BASED_CALENDARS {_attributes(name)} />")
    lines += [f"{inner}<INCOND {_attributes(each)} />" for each in _xml_waits(job)]
    for sign, names in (("+", job.adds), ("-", job.deletes)):
        for name in names:
            condition = {"NAME": name, "ODATE": "ODAT", "SIGN": sign}
            lines.append(f"{inner}<OUTCOND {_attributes(condition)} />")
    if job.cleans:
        lines.append(f'{inner}<ON STMT="*" CODE="NOTOK">')
        for name in job.cleans:
            condition = {"NAME": name, "ODATE": "ODAT", "SIGN": "-"}
            lines.append(f"{inner}  <DOCOND {_attributes(condition)} />")
        mail = {"URGENCY": "R", "DEST": "operations@example.org", "SUBJECT": f"{job.name} failed"}
        lines += [f"{inner}  <DOMAIL {_attributes(mail)} />", f"{inner}</ON>"]
    if job.schedule.max_wait:
        shout = {"WHEN": "NOTOK", "URGENCY": "R", "DEST": "OPERATORS", "MESSAGE": "job waits"}
        lines.append(f"{inner}<SHOUT {_attributes(shout)} />")
    return [*lines, f"{indent}</JOB>"]


def _xml_schedule(schedule: Schedule) -> dict[str, str]:
    found = {
        month: str(int(not schedule.months or number in schedule.months))
        for number, month in enumerate(MONTHS, start=1)
    }
    if not schedule.has_date:
        found = {}
    if schedule.days:
        found["DAYS"] = ",".join(schedule.days)
    if schedule.weekdays:
        found["WEEKDAYS"] = ",".join(str(day) for day in schedule.weekdays)
    if schedule.has_date:
        found["DAYS_AND_OR"] = "A" if schedule.both else "O"
    # An interval stands there also where the job is not cyclic, and means nothing then.
    found["CYCLIC"] = str(int(schedule.cyclic))
    found["INTERVAL"] = f"{schedule.interval:05d}M"
    if schedule.cyclic:
        found["IND_CYCLIC"] = "E" if schedule.cyclic_from_end else "S"
    optional = {
        "TIMEFROM": schedule.time_from,
        "TIMETO": schedule.time_to,
        "DAYSCAL": schedule.calendar,
        "WEEKSCAL": schedule.week_calendar,
        "CONFCAL": schedule.confirmation_calendar,
        "SHIFT": schedule.shift,
        "MAXWAIT": str(schedule.max_wait or ""),
    }
    found |= {name: value for name, value in optional.items() if value}
    found["CONFIRM"] = str(int(schedule.confirm))
    return found


def _xml_waits(job: Job) -> Iterator[dict[str, str]]:
    for number, group in enumerate(job.waits):
        for place, wait in enumerate(group):
            found = {"NAME": wait.condition, "ODATE": wait.odate}
            found["AND_OR"] = "O" if place else "A"
            if len(group) > 1 and place in {0, len(group) - 1}:
                found["OP"] = ")" if place else "("
            if number == 0 and place == 0:
                found["AND_OR"] = "A"
            yield found


def _json_folder(folder: Folder) -> dict[str, object]:
    found: dict[str, object] = {
        "Type": "Folder",
        "ControlmServer": SERVER,
        "OrderMethod": "Automatic",
    }
    found |= {job.name: _json_job(job) for job in folder.jobs}
    for inner in folder.folders:
        found[inner.name] = {**_json_folder(inner), "Type": "SubFolder"}
    return found


def _json_job(job: Job) -> dict[str, object]:
    found: dict[str, object] = {
        "Type": _JSON_KINDS[job.kind],
        "Application": job.application,
        "SubApplication": job.sub_application,
        "Description": job.description,
        "RunAs": job.run_as,
        "Host": job.host,
    }
    if job.kind == "Command":
        found["Command"] = job.raw_command
    elif job.kind == "Job":
        found |= {"FileName": job.script, "FilePath": SCRIPT_FOLDER}
    if job.variables:
        # Jobs as code name a variable without the signs that mark it in a command.
        found["Variables"] = [{name.removeprefix("%%"): value} for name, value in job.variables]
    found |= _json_schedule(job.schedule)
    if job.waits:
        events: list[object] = [
            token if isinstance(token, str) else _json_event(token.condition, token.odate)
            for token in wait_tokens(job.waits)
        ]
        found["eventsToWaitFor"] = {"Type": "WaitForEvents", "Events": events}
    for key, kind, names in (
        ("eventsToAdd", "AddEvents", job.adds),
        ("eventsToDelete", "DeleteEvents", job.deletes),
    ):
        if names:
            found[key] = {"Type": kind, "Events": [_json_event(name, "ODAT") for name in names]}
    if job.cleans:
        steps: dict[str, object] = {"Type": "If:CompletionStatus", "CompletionStatus": "NOTOK"}
        for number, name in enumerate(job.cleans):
            steps[f"Event:Delete_{number}"] = {"Type": "Event:Delete", "Event": name}
        mail = {"Type": "Mail", "Subject": f"{job.name} failed", "To": "operations@example.org"}
        found["IfBase:Folder:CompletionStatus_7"] = {**steps, "Mail_1": mail}
    if job.schedule.max_wait:
        found["Notify:NotOK_1"] = {"Type": "Notify:NotOK", "Message": "job waits"}
    return found


def _json_event(name: str, odate: str) -> dict[str, str]:
    found = {"Event": name}
    if odate != "ODAT":
        found["Date"] = _JSON_DATES[odate]
    return found


def _json_schedule(schedule: Schedule) -> dict[str, object]:
    when: dict[str, object] = {
        "WeekDays": [WEEKDAYS[day] for day in schedule.weekdays] or ["NONE"],
        "MonthDays": list(schedule.days) or ["NONE"],
        "DaysRelation": "AND" if schedule.both else "OR",
    }
    if schedule.months:
        when["Months"] = [MONTHS[month - 1] for month in schedule.months]
    optional = {
        "FromTime": schedule.time_from,
        "ToTime": schedule.time_to,
        "MonthDaysCalendar": schedule.calendar,
        "WeekDaysCalendar": schedule.week_calendar,
    }
    when |= {name: value for name, value in optional.items() if value}
    if schedule.confirmation_calendar:
        calendar = {"Calendar": schedule.confirmation_calendar}
        when["ConfirmationCalendars"] = {**calendar, "ExceptionPolicy": schedule.shift}
    if schedule.rule_based_calendar:
        when["RuleBasedCalendars"] = {"Included": [schedule.rule_based_calendar]}
    found: dict[str, object] = {"When": when} if schedule.has_date or schedule.time_from else {}
    if schedule.cyclic:
        start = "End" if schedule.cyclic_from_end else "Start"
        found["Rerun"] = {"Every": str(schedule.interval), "Units": "Minutes", "From": start}
    if schedule.max_wait:
        found["DaysKeepActive"] = str(schedule.max_wait)
    if schedule.confirm:
        found["Confirm"] = True
    return found


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())
