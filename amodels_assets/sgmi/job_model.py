"""What a Control-M job is, however an export spells it; merging both spellings of the same job.

Belongs here: jobs, conditions, edges. Does not belong here: parsing (``controlm_xml.py``,
``controlm_json.py``) and cron (``job_schedule.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_schedule import Dates

_VARIABLE = re.compile(r"%%\\?([A-Za-z_][\w$]*)\.?")
_SCRIPT = re.compile(r"([^\s'\"=;|&]+\.(?:sh|bash|ksh|hql|sql|py))(?=$|[\s'\";|&])")
_DEEPEST_SUBSTITUTION = 10


@dataclass(frozen=True)
class Condition:
    """A condition that a job waits for, adds or deletes."""

    name: str
    date_rule: str = "ODAT"


@dataclass
class Job:
    """One job.

    Attributes:
        name: As exported.
        folder: Path of the folder, parts separated by ``/``.
        application: APPLICATION.
        sub_application: SUB_APPLICATION.
        kind: ``Command``, ``Job`` (a script), ``Dummy``, or what the export says.
        raw_command: Before substitution.
        member: File name of the script of a script job.
        host_group: NODEID or Host.
        run_as: Account.
        variables: AutoEdit variables by name with ``%%``.
        dates: When it may run.
        waits: Conditions waited for.
        logic: The same with ``AND``, ``OR`` and parentheses between, space-separated.
        adds: Conditions added at its end.
        deletes: Conditions removed, at its end or on failure.
        description: Free text.
        file: Where it stands.
        line: From 1.
    """

    name: str
    folder: str
    application: str = ""
    sub_application: str = ""
    kind: str = ""
    raw_command: str = ""
    member: str = ""
    host_group: str = ""
    run_as: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    dates: Dates = field(default_factory=Dates)
    waits: list[Condition] = field(default_factory=list)
    logic: str = ""
    adds: list[Condition] = field(default_factory=list)
    deletes: list[Condition] = field(default_factory=list)
    description: str = ""
    file: str = ""
    line: int = 0

    @property
    def command(self) -> str:
        """The command after substitution of the job's own variables; system variables stay."""
        return substitute(self.raw_command, self.variables)

    @property
    def script(self) -> str:
        """File name of the script that it runs, empty when it names none."""
        if self.member:
            return substitute(self.member, self.variables).rsplit("/", 1)[-1]
        match = _SCRIPT.search(self.command)
        return match.group(1).rsplit("/", 1)[-1] if match else ""

    def facts(self) -> dict[str, object]:
        """What two exports of the same job must agree on."""
        return {
            "application": self.application,
            "sub_application": self.sub_application,
            "kind": self.kind,
            "command": self.raw_command,
            "script": self.script,
            "host": self.host_group,
            "run_as": self.run_as,
            "variables": self.variables,
            "dates": self.dates,
            "conditions waited for": sorted({c.name for c in self.waits}),
            "conditions added": sorted({c.name for c in self.adds}),
            "conditions deleted": sorted({c.name for c in self.deletes}),
        }


@dataclass(frozen=True)
class Edge:
    """A job that waits for a condition that another one adds."""

    from_job: str
    to_job: str
    condition: str
    date_rule: str
    logic: str


def substitute(text: str, variables: dict[str, str]) -> str:
    """Put AutoEdit variables in; names that are not among ``variables`` stay as they are."""

    def value(match: re.Match[str]) -> str:
        found = variables.get(f"%%{match.group(1)}")
        return match.group(0) if found is None else found

    for _ in range(_DEEPEST_SUBSTITUTION):
        replaced = _VARIABLE.sub(value, text)
        # A variable that contains itself grows for ever: what it grew to is of no use.
        if replaced == text or len(replaced) > 100_000:
            break
        text = replaced
    return text


def merge_exports(jobs: list[Job], diagnostics: Diagnostics) -> list[Job]:
    """One job per name: XML counts before JSON, the later before the earlier; all is reported.

    Args:
        jobs: In reading order, XML before JSON.
        diagnostics: Gets duplicates and differences.
    """
    merged: dict[str, Job] = {}
    for job in jobs:
        earlier = merged.get(job.name)
        if earlier is None:
            merged[job.name] = job
            continue
        differing = [n for n, v in job.facts().items() if earlier.facts()[n] != v]
        place = f"{earlier.file}:{earlier.line}"
        if _format(earlier) == _format(job):
            merged[job.name] = job
            words = f" and differs in {', '.join(differing)}" if differing else ""
            text = f"the job stands at {place} too{words}: the later counts"
            diagnostics.warning("duplicate_job", text, job.file, job.line, job.name)
            text = f"the job stands again at {job.file}:{job.line}{words}: the later counts"
            diagnostics.warning("duplicate_job", text, earlier.file, earlier.line, job.name)
        elif differing:
            text = f"differs from {place} in {', '.join(differing)}: the XML counts"
            diagnostics.warning("job_exports_differ", text, job.file, job.line, job.name)
    formats = sorted({_format(job) for job in jobs})
    if len(formats) > 1:
        for name in formats:
            there = {job.name for job in jobs if _format(job) == name}
            for job in merged.values():
                if job.name not in there:
                    text = f"no {name.upper()} export has the job"
                    diagnostics.warning("job_in_one_export", text, job.file, job.line, job.name)
    return list(merged.values())


def _format(job: Job) -> str:
    return job.file.rsplit(".", 1)[-1].lower()


def job_edges(jobs: list[Job]) -> list[Edge]:
    """Producer to consumer, by condition name."""
    producers: dict[str, list[str]] = {}
    for job in jobs:
        for condition in dict.fromkeys(c.name for c in job.adds):
            producers.setdefault(condition, []).append(job.name)
    found = {
        Edge(producer, job.name, wait.name, wait.date_rule, job.logic)
        for job in jobs
        for wait in job.waits
        for producer in producers.get(wait.name, ())
    }
    return sorted(found, key=lambda e: (e.from_job, e.to_job, e.condition, e.date_rule))


def cycles(edges: list[Edge]) -> list[list[str]]:
    """Groups of jobs that wait for each other, each sorted by name (Tarjan, iterative)."""
    successors: dict[str, list[str]] = {}
    for edge in edges:
        successors.setdefault(edge.from_job, []).append(edge.to_job)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in sorted(successors):
        if root in index:
            continue
        work = [(root, iter(successors.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, following = work[-1]
            for successor in following:
                if successor not in index:
                    index[successor] = low[successor] = len(index)
                    stack.append(successor)
                    on_stack.add(successor)
                    work.append((successor, iter(successors.get(successor, ()))))
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while not group or group[-1] != node:
                        group.append(stack.pop())
                        on_stack.discard(group[-1])
                    if len(group) > 1 or node in successors.get(node, ()):
                        found.append(sorted(group))
    return sorted(found)
