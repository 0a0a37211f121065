"""The Control-M jobs and the scripts that they run, generated before anything is written.

Belongs here: which jobs there are, what they wait for, what they load. Does not belong here: how
exports (``controlm.py``) and scripts (``scripts.py``) spell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.names import APPLICATIONS
from amodels_assets.sample.schedule import Schedule
from amodels_assets.sample.view_draw import Readable
from amodels_assets.sample.warehouse import STAGING, Table

FEWEST_JOBS = 24
SCRIPT_FOLDER = "/opt/warehouse/scripts"
JOBS_A_FOLDER = 12


@dataclass(frozen=True)
class Wait:
    """One condition waited for; ``odate`` is Control-M's date rule."""

    condition: str
    odate: str = "ODAT"


@dataclass(frozen=True)
class Load:
    """What a job's script does.

    Attributes:
        target: The table that it loads.
        sources: What it reads.
        style: How the script says so, see ``scripts.py``.
    """

    target: Table
    sources: tuple[Readable, ...]
    style: str


@dataclass(frozen=True)
class Job:
    """A Control-M job.

    Attributes:
        name: ``JOBNAME``.
        folder: The folder that it stands in.
        application: ``APPLICATION``; the sub-application is its database.
        sub_application: ``SUB_APPLICATION``.
        kind: ``Command``, ``Job`` (a script of its own) or ``Dummy``.
        raw_command: ``CMDLINE`` with variables in it, empty unless a command.
        command: The same after substitution.
        script: File name of the script below ``scripts/``, empty for a dummy.
        variables: AutoEdit variables, names with their ``%%``.
        run_as: Account.
        host: ``NODEID``.
        description: One line.
        schedule: Its dates and times.
        waits: Groups of conditions; all groups must hold, one of each group is enough.
        adds: Conditions added when it ends well.
        deletes: Conditions removed then (``SIGN="-"``).
        cleans: Conditions removed by ``DOCOND`` when it fails.
        load: What the script does; None for a dummy.
    """

    name: str
    folder: str
    application: str
    sub_application: str
    kind: str
    raw_command: str = ""
    command: str = ""
    script: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    run_as: str = "svc_load"
    host: str = "edge-group"
    description: str = ""
    schedule: Schedule = field(default_factory=Schedule)
    waits: tuple[tuple[Wait, ...], ...] = ()
    adds: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    cleans: tuple[str, ...] = ()
    load: Load | None = None


STYLES = ("hive_e", "hive_f", "spark", "beeline_e", "hive_e_variable")


def generate_jobs(
    seed: int, scale: float, tables: Sequence[Table], readables: Sequence[Readable]
) -> list[Job]:
    """All jobs, each waiting only for jobs before it; scale 1 makes 50."""
    dice = Dice(seed, 13)
    count = max(FEWEST_JOBS, round(50 * scale))
    ordered = sorted(tables, key=lambda table: (table.database != STAGING, table.name))
    # Staging is loaded from staging only.
    staging = _Pool([readable for readable in readables if readable.database == STAGING])
    everything = _Pool(readables)
    jobs: list[Job] = []
    for number in range(count):
        target = ordered[number * len(ordered) // count]
        pool = staging if target.database == STAGING else everything
        jobs.append(_job(dice, number, target, jobs, pool))
    return jobs


class _Pool:
    """What jobs may read."""

    def __init__(self, readables: Sequence[Readable]) -> None:
        self._readables = list(readables)
        self._places = {readable.name: place for place, readable in enumerate(readables)}

    def without(self, table: Table) -> list[Readable]:
        """All but the table itself: a target is never its own source."""
        place = self._places[table.name]
        return self._readables[:place] + self._readables[place + 1 :]


def condition_of(job_name: str) -> str:
    """The condition that a job adds when it ends well."""
    return f"{job_name}-ENDED-OK"


def _job(
    dice: Dice,
    number: int,
    target: Table,
    before: Sequence[Job],
    pool: _Pool,
) -> Job:
    staging = target.database == STAGING
    stage = "STG" if staging else "MRT"
    name = f"{stage}_{target.name.upper()}_{number:04d}"[:64]
    folder = f"SGMI_{stage}_{number // JOBS_A_FOLDER:02d}"
    waits: tuple[tuple[Wait, ...], ...] = ()
    # The first ones go through every kind of date, whatever the dice say.
    if number >= len(SCHEDULES) and (not staging or dice.chance(0.25)):
        waits = _waits(dice, before)
    schedule = Schedule()
    if not waits or dice.chance(0.15):
        choices = DATE_FILTERS if waits else SCHEDULES
        schedule = choices[number % len(choices)]
    kind = "Dummy" if number % 17 == 16 else "Job" if number % 5 == 3 else "Command"
    names = [wait.condition for group in waits for wait in group]
    common = Job(
        name=name,
        folder=folder,
        application=APPLICATIONS[0] if staging else dice.pick(APPLICATIONS[1:3]),
        sub_application=target.database.upper(),
        kind=kind,
        run_as=dice.pick(("svc_load", "svc_transform")),
        host=dice.pick(("edge-group", "batch-group")),
        description=f"Loads {target.database}.{target.name}",
        schedule=schedule,
        waits=waits,
        adds=(condition_of(name),),
        deletes=tuple(names) if dice.chance(0.5) else (),
        cleans=(condition_of(name),) if dice.chance(0.2) else (),
    )
    if kind == "Dummy":
        return replace(common, application=APPLICATIONS[3], description="Joins what ran before")
    script = f"load_{target.name}_{number:04d}.sh"
    candidates = pool.without(target)
    sources = tuple(dice.sample(candidates, dice.between(1, 3)))
    load = Load(target, sources, STYLES[number % len(STYLES)])
    variables = (
        ("%%SCRIPT_DIR", SCRIPT_FOLDER),
        ("%%TARGET", f"{target.database}.{target.name}"),
        ("%%MODE", dice.pick(("full", "delta"))),
    )
    if kind == "Job":
        return replace(common, script=script, load=load, variables=variables[2:])
    return replace(
        common,
        script=script,
        load=load,
        variables=variables,
        raw_command=f"sh %%SCRIPT_DIR/{script} %%TARGET %%MODE %%ODATE",
        command=f"sh {SCRIPT_FOLDER}/{script} {variables[1][1]} {variables[2][1]} %%ODATE",
    )


def _waits(dice: Dice, before: Sequence[Job]) -> tuple[tuple[Wait, ...], ...]:
    chosen = dice.sample(before[-24:], dice.between(1, 4))
    waits = [
        Wait(condition_of(job.name), dice.weighted([("ODAT", 0.85), ("PREV", 0.1), ("STAT", 0.05)]))
        for job in chosen
    ]
    if len(waits) == 4:
        return ((waits[0],), (waits[1], waits[2]), (waits[3],))
    if len(waits) == 3 and dice.chance(0.5):
        return ((waits[0],), (waits[1], waits[2]))
    return tuple((wait,) for wait in waits)


# Every kind of date occurs in any sample: the cron-started jobs go through these in turn.
SCHEDULES = (
    Schedule(days=("ALL",), time_from="0200", time_to=">"),
    Schedule(weekdays=(1, 2, 3, 4, 5), time_from="0630", interval=1),
    Schedule(days=("1", "15"), time_from="0415"),
    Schedule(days=("10", "11", "9"), months=(1, 4, 7, 10), time_from="2230"),
    Schedule(days=("ALL",), time_from="0000", time_to=">", interval=30, cyclic=True),
    Schedule(days=("1",), weekdays=(1,), time_from="0500"),
    Schedule(days=("1", "2", "3"), weekdays=(1, 2), both=True, time_from="0515"),
    Schedule(days=("ALL",), time_from="0100", time_to="0545"),
    Schedule(days=("ALL",), time_from="0300", max_wait=7),
    Schedule(weekdays=(0,), time_from="2000", confirm=True),
    Schedule(calendar="BANKING_DAYS", time_from="0700"),
    Schedule(days=("D1", "L1"), time_from="0310"),
    Schedule(rule_based_calendar="QUARTER_END", time_from="0400"),
    Schedule(days=("ALL",), time_from="0000", interval=15, cyclic=True, cyclic_from_end=True),
    Schedule(
        weekdays=(1, 3, 5),
        time_from="0600",
        confirmation_calendar="BANKING_DAYS",
        shift="NEXT_DAY",
    ),
    Schedule(weekdays=(2, 4), week_calendar="SCHOOL_WEEKS", time_from="0640"),
)
# Days on which a job that waits for conditions may run.
DATE_FILTERS = (
    Schedule(weekdays=(1, 2, 3, 4, 5)),
    Schedule(days=("1", "15", "2")),
    Schedule(days=("ALL",), months=(3, 6, 9, 12)),
)
