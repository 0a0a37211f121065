"""Control-M folder exports in XML to jobs."""

from __future__ import annotations

import re
from xml.parsers import expat

from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_model import Condition, Job
from amodels_assets.sgmi.job_schedule import MONTHS, Dates, sorted_days

_FOLDERS = {"FOLDER", "SMART_FOLDER", "SUB_FOLDER", "TABLE", "SMART_TABLE", "SUB_TABLE"}
_UNITS = {"M": 1, "H": 60, "D": 1440}


def read_xml(data: bytes, file: str, diagnostics: Diagnostics) -> list[Job]:
    """Jobs of one export; those before a fault are kept.

    Args:
        data: The file.
        file: Its path, for diagnostics.
        diagnostics: Gets the faults.
    """
    reader = _XmlReader(file, diagnostics)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        last = f" after job {reader.jobs[-1].name}" if reader.jobs else ""
        reason = expat.ErrorString(error.code)
        text = f"the XML is broken{last} ({reason}): jobs behind it are lost"
        diagnostics.error("xml_broken", text, file, error.lineno, reader.open_job)
    except (ValueError, LookupError) as error:
        # Encodings that the parser does not know, and bytes that are none of them.
        text = f"the XML cannot be decoded ({error}): jobs behind that are lost"
        line = reader.parser.CurrentLineNumber
        diagnostics.error("xml_broken", text, file, line, reader.open_job)
    if not reader.jobs:
        diagnostics.warning("no_jobs", "the export holds no job", file)
    return reader.jobs


class _XmlReader:
    """Follows the elements of one file."""

    def __init__(self, file: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.diagnostics = diagnostics
        self.jobs: list[Job] = []
        self.folders: list[str] = []
        self.job: Job | None = None
        self.attributes: dict[str, str] = {}
        self.logic: list[str] = []
        self.calendars: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    @property
    def open_job(self) -> str:
        return self.job.name if self.job else ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _FOLDERS:
            names = ("FOLDER_NAME", "TABLE_NAME", "JOBNAME")
            name = next((attributes[n] for n in names if attributes.get(n)), "")
            if self.folders:
                text = f"folder {name} stands inside {'/'.join(self.folders)}"
                line = self.parser.CurrentLineNumber
                self.diagnostics.info("folder_in_folder", text, self.file, line, name)
            self.folders.append(name)
        elif tag == "JOB":
            self.start_job(attributes)
        elif self.job is not None:
            self.child(self.job, tag, attributes)

    def start_job(self, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        name = attributes.get("JOBNAME") or attributes.get("MEMNAME") or ""
        if not name:
            self.diagnostics.warning("job_without_name", "a JOB has no name", self.file, line)
        task = attributes.get("TASKTYPE", "")
        self.attributes, self.logic, self.calendars = attributes, [], []
        self.job = Job(
            name=name or f"unnamed_{line}",
            folder="/".join(self.folders) or attributes.get("PARENT_FOLDER", ""),
            application=attributes.get("APPLICATION", ""),
            sub_application=attributes.get("SUB_APPLICATION", ""),
            kind=task,
            raw_command=attributes.get("CMDLINE", ""),
            member=attributes.get("MEMNAME", "") if task != "Command" else "",
            host_group=attributes.get("NODEID", ""),
            run_as=attributes.get("RUN_AS", "") or attributes.get("OWNER", ""),
            description=attributes.get("DESCRIPTION", ""),
            file=self.file,
            line=line,
        )

    def child(self, job: Job, tag: str, attributes: dict[str, str]) -> None:
        name = attributes.get("NAME", "")
        if tag in ("VARIABLE", "AUTOEDIT2", "AUTOEDIT"):
            job.variables[f"%%{name.lstrip('%')}"] = attributes.get("VALUE", "")
        elif tag == "INCOND":
            self.incond(job, name, attributes)
        elif tag == "OUTCOND":
            condition = Condition(name, attributes.get("ODATE", "ODAT"))
            # Only a sign of plus makes a dependency.
            (job.deletes if attributes.get("SIGN", "+").startswith("-") else job.adds).append(
                condition
            )
        elif tag == "DOCOND":
            condition = Condition(name, attributes.get("ODATE", "ODAT"))
            if attributes.get("SIGN", "-").startswith("-"):
                job.deletes.append(condition)
        elif tag in ("RULE_BASED_CALENDARS", "RULE_BASED_CALENDAR") and name:
            self.calendars.append(name)

    def incond(self, job: Job, name: str, attributes: dict[str, str]) -> None:
        relation = attributes.get("AND_OR", "A")
        brackets = relation + attributes.get("OP", "")
        if job.waits:
            self.logic.append("OR" if "O" in relation.upper() else "AND")
        self.logic += ["("] * brackets.count("(") + [name] + [")"] * brackets.count(")")
        job.waits.append(Condition(name, attributes.get("ODATE", "ODAT")))

    def end(self, tag: str) -> None:
        if tag in _FOLDERS and self.folders:
            self.folders.pop()
        elif tag == "JOB" and self.job is not None:
            self.job.dates = self.dates(self.job)
            self.job.logic = " ".join(self.logic)
            self.jobs.append(self.job)
            self.job = None

    def dates(self, job: Job) -> Dates:
        found = self.attributes
        months = tuple(n for n, m in enumerate(MONTHS, 1) if found.get(m) == "1")
        cyclic = found.get("CYCLIC") == "1"
        wait = found.get("MAXWAIT", "")
        confirmation = found.get("CONFCAL", "")
        return Dates(
            month_days=sorted_days(_listed(found.get("DAYS", ""))),
            week_days=sorted_days(_listed(found.get("WEEKDAYS", ""))),
            months=() if len(months) == 12 else months,
            both=found.get("DAYS_AND_OR", "O").upper().startswith("A"),
            time_from=found.get("TIMEFROM", ""),
            time_to=found.get("TIMETO", ""),
            calendar=found.get("DAYSCAL", ""),
            week_calendar=found.get("WEEKSCAL", ""),
            confirmation_calendar=confirmation,
            # Without a calendar to refuse a date there is nothing to shift.
            shift=found.get("SHIFT", "") if confirmation else "",
            rule_based_calendars=tuple(sorted(set(self.calendars))),
            interval=self.interval(job, found.get("INTERVAL", "")) if cyclic else 0,
            from_end=cyclic and found.get("IND_CYCLIC", "S").upper().startswith("E"),
            max_wait=int(wait) if wait.isdecimal() and len(wait) < 6 else 0,
            confirm=found.get("CONFIRM") == "1",
        )

    def interval(self, job: Job, text: str) -> int:
        match = re.fullmatch(r"(\d{1,6})([MHDS]?)", text.strip().upper())
        minutes = int(match[1]) * _UNITS.get(match[2] or "M", 0) if match else 0
        if match and match[2] == "S":
            minutes = int(match[1]) // 60
        if not minutes:
            words = f"INTERVAL {text!r} of a cyclic job cannot be read"
            self.diagnostics.warning("bad_interval", words, self.file, job.line, job.name)
        return minutes


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
