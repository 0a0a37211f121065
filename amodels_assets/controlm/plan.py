"""The jobs of a catalog as something that can be run.

Belongs here: names, dependencies, what starts a job and what it needs. Does not belong here:
Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amodels_assets.controlm.conditions import ConditionError, Wait
from amodels_assets.controlm.order_dates import DateFilter, as_filter

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("jobs", "job_edges", "job_conditions", "job_schedules", "job_tables")
PREFIX = "controlm"
_ODD = re.compile(r"[^A-Za-z0-9_]")
_SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
# Fields that say on which dates a job runs in a way that only Control-M's calendars can tell.
_CALENDARS = ("DAYS=", "WEEKDAYS=", "DAYSCAL", "WEEKSCAL", "CONFCAL", "RULE_BASED_CALENDAR")

# Limits of a run that do not move its start.
_NOT_WATCHED = frozenset(("TIMETO", "MAXWAIT"))
_TIME = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")

Condition = tuple[str, str]  # name and date rule


@dataclass(frozen=True)
class JobPlan:
    """One job.

    Attributes:
        key: Of its asset: ``controlm``, its folders, itself.
        job: As exported.
        folder: Its folders, separated by ``/``.
        application: APPLICATION.
        sub_application: SUB_APPLICATION.
        kind: Command, Job or Dummy.
        command: With its own variables filled in, empty for a dummy.
        host: Host or host group, may be empty.
        run_as: Account, may be empty.
        description: Free text.
        trigger: What starts it, as in ``job_schedules``.
        cron: Its cron line, None where it has none.
        time_from: ``HHMM`` before which it does not start, may be empty.
        timezone: IANA zone.
        dates: Order dates on which it may run.
        not_expressible: What Dagster's schedules cannot say of its dates.
        wait: What it waits for, None for nothing or for what cannot be read.
        adds: Conditions that it adds.
        deletes: Conditions that it deletes.
        upstream: Keys of the jobs that it waits for, but for those that also wait for it.
        writes: Tables that it writes, as far as there is evidence.
        source: File and line of its export.
    """

    key: tuple[str, ...]
    job: str
    folder: str
    application: str = ""
    sub_application: str = ""
    kind: str = "Command"
    command: str = ""
    host: str = ""
    run_as: str = ""
    description: str = ""
    trigger: str = "never"
    cron: str | None = None
    time_from: str = ""
    timezone: str = "UTC"
    dates: DateFilter = field(default_factory=DateFilter)
    not_expressible: tuple[str, ...] = ()
    wait: Wait | None = None
    adds: tuple[Condition, ...] = ()
    deletes: tuple[Condition, ...] = ()
    upstream: tuple[tuple[str, ...], ...] = ()
    writes: tuple[str, ...] = ()
    source: str = ""

    @property
    def name(self) -> str:
        """A name of letters, digits and underscores for schedules and sensors."""
        return "__".join(self.key)

    @property
    def schedule_line(self) -> str | None:
        """The cron line of its schedule, None where no schedule starts it.

        Where cron cannot say that month days and week days must both hold, the schedule looks
        every day, and at ``dates``.
        """
        if self.trigger != "cron":
            return None
        unsaid = {f.split("=")[0] for f in self.not_expressible} - _NOT_WATCHED
        if self.cron is None and unsaid == {"DAYS_AND_OR"} and _TIME.fullmatch(self.time_from):
            return f"{int(self.time_from[2:])} {int(self.time_from[:2])} * * *"
        return self.cron

    @property
    def why_not_started(self) -> str:
        """Why neither a schedule nor a sensor starts it; empty when one does."""
        calendars = [f for f in self.not_expressible if f.startswith(_CALENDARS)]
        if "CONFIRM=1" in self.not_expressible:
            return "a person has to confirm each run: materialize it by hand"
        if self.trigger == "never":
            return "it has neither date nor condition"
        if self.trigger == "cron":
            unsaid = ", ".join(self.not_expressible) or "when without a time"
            return "" if self.schedule_line else f"cron cannot say {unsaid}"
        if self.wait is None:
            return "what it waits for cannot be read"
        return f"its dates are in a calendar: {', '.join(calendars)}" if calendars else ""


def job_plans(catalog: Mapping[str, pa.Table], folders: Iterable[str]) -> list[JobPlan]:
    """Plans of all jobs in some folders, by key.

    Args:
        catalog: The tables named in ``TABLES``.
        folders: Names of outermost folders; ``*`` for all.
    """
    wanted = set(folders)
    jobs = [
        row
        for row in catalog["jobs"].to_pylist()
        if "*" in wanted or row["folder"].split("/")[0] in wanted
    ]
    keys = asset_keys([(row["folder"], row["job"]) for row in jobs])
    schedules = {row["job"]: row for row in catalog["job_schedules"].to_pylist()}
    upstream = _upstream(catalog["job_edges"], {job: key for (_, job), key in keys.items()})
    conditions: dict[tuple[str, str], list[Condition]] = {}
    for row in catalog["job_conditions"].to_pylist():
        conditions.setdefault((row["job"], row["role"]), []).append(
            (row["condition"], row["date_rule"])
        )
    writes: dict[str, set[str]] = {}
    for row in catalog["job_tables"].to_pylist():
        if row["access"] == "writes":
            writes.setdefault(row["job"], set()).add(f"{row['database']}.{row['table']}")
    plans = []
    for row in jobs:
        job = row["job"]
        schedule = schedules[job]
        plans.append(
            JobPlan(
                key=keys[row["folder"], job],
                job=job,
                folder=row["folder"],
                application=row["application"] or "",
                sub_application=row["sub_application"] or "",
                kind=row["kind"] or "Command",
                command=row["command"] or "",
                host=row["host_group"] or "",
                run_as=row["run_as"] or "",
                description=row["description"] or "",
                trigger=schedule["trigger"],
                cron=schedule["cron"],
                time_from=schedule["time_from"] or "",
                timezone=schedule["timezone"],
                dates=as_filter(schedule["date_filter"]),
                not_expressible=tuple(schedule["not_expressible"]),
                wait=_wait(schedule["waits_for"], conditions.get((job, "waits_for"), [])),
                adds=tuple(sorted(conditions.get((job, "adds"), []))),
                deletes=tuple(sorted(conditions.get((job, "deletes"), []))),
                upstream=tuple(sorted(upstream.get(job, ()))),
                writes=tuple(sorted(writes.get(job, ()))),
                source=f"{row['source_file']}:{row['line']}",
            )
        )
    return sorted(plans, key=lambda plan: plan.key)


def asset_keys(jobs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """An asset key for each folder and job.

    Dagster allows letters, digits and underscores; anything else becomes an underscore. Where two
    jobs would get the same key, the later ones get a number.
    """
    taken: set[tuple[str, ...]] = set()
    keys = {}
    for folder, job in jobs:
        parts = [PREFIX, *(p for p in folder.split("/") if p), job]
        clean = tuple(_ODD.sub("_", part) or "_" for part in parts)
        key, number = clean, 1
        while key in taken:
            number += 1
            key = (*clean[:-1], f"{clean[-1]}_{number}")
        taken.add(key)
        keys[folder, job] = key
    return keys


def _wait(text: str | None, conditions: list[Condition]) -> Wait | None:
    if not text:
        return None
    try:
        return Wait.parse(text, dict(conditions))
    except ConditionError:
        return None


def _upstream(
    edges: pa.Table, keys: Mapping[str, tuple[str, ...]]
) -> dict[str, set[tuple[str, ...]]]:
    """Dependencies without those inside a cycle, which an asset graph cannot have."""
    before: dict[str, set[str]] = {}
    for row in edges.to_pylist():
        if row["from_job"] in keys and row["to_job"] in keys:
            before.setdefault(row["to_job"], set()).add(row["from_job"])
    return {
        job: {keys[other] for other in others if job not in _reached(other, before)}
        for job, others in before.items()
    }


def _reached(job: str, before: Mapping[str, set[str]]) -> set[str]:
    """The job and everything that it waits for."""
    found = {job}
    stack = [job]
    while stack:
        new = before.get(stack.pop(), set()) - found
        found |= new
        stack += new
    return found


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables whose name sounds like a secret lose their value."""
    return {name: "***" if _SECRET.search(name) else text for name, text in variables.items()}
