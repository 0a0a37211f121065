"""The catalog as plain facts to ask about.

Belongs here: looking things up in the catalog's tables. Does not belong here: questions. Names are
``database.table``; everything is sorted, so that nothing depends on the order of rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from amodels_assets.questions.names import READ

# Longer types, comments and conditions fit no line of an excerpt and are no answer.
LONGEST_TEXT = 240


class QuestionsError(ValueError):
    """Questions cannot be made or read; the message says what to do."""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Unique in its table.
        type: None where the dump shows none that fits a line.
        comment: Empty for none that fits a line.
    """

    name: str
    type: str | None
    comment: str


@dataclass(frozen=True)
class Job:
    """A job whose name is its own; ``starts`` is empty where no line can say it.

    Attributes:
        description: What somebody wrote about it.
        starts: A cron line, or ``after`` its conditions and the days on which it may run.
        touches: Pairs of access (``reads``, ``writes``, ``mentions``) and relation.
    """

    description: str
    starts: str
    touches: tuple[tuple[str, str], ...]

    @property
    def writes(self) -> tuple[str, ...]:
        """Relations that it loads."""
        return tuple(relation for access, relation in self.touches if access == "writes")


@dataclass(frozen=True)
class Facts:
    """What the catalog says.

    Attributes:
        kinds: ``table`` or ``view`` by relation.
        comments: By relation that has one.
        columns: By relation, in order.
        reads: By view the relations that it names.
        readers: By relation the views that name it.
        jobs: By name.
        loaded_by: By relation the jobs that write it.
        twice: Names of jobs that the catalog has more than once: nobody can tell which is meant.
    """

    kinds: dict[str, str]
    comments: dict[str, str]
    columns: dict[str, tuple[Column, ...]]
    reads: dict[str, tuple[str, ...]]
    readers: dict[str, tuple[str, ...]]
    jobs: dict[str, Job]
    loaded_by: dict[str, tuple[str, ...]]
    twice: tuple[str, ...]

    def reach(self, start: str, following: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Everything that is reached by ``reads`` or ``readers``, without the start."""
        found: set[str] = set()
        ahead = [start]
        while ahead:
            new = set(following.get(ahead.pop(), ())) - found
            found |= new
            ahead.extend(new)
        return tuple(sorted(found - {start}))


def read_facts(catalog: Mapping[str, pa.Table]) -> Facts:
    """The facts of a catalog.

    Args:
        catalog: Tables of the artifact ``sgmi/catalog`` by name, those of ``names.READ``.

    Raises:
        QuestionsError: A table is missing or is not that of this release.
    """
    missing = [name for name in READ if name not in catalog]
    if missing:
        raise QuestionsError(f"the catalog has no table {missing[0]}: make the catalog again")
    try:
        return _facts({name: catalog[name].to_pylist() for name in READ})
    except KeyError as error:
        raise QuestionsError(
            f"a table of the catalog has no column {error}: make it again with this release"
        ) from error


def _facts(rows: Mapping[str, list[dict]]) -> Facts:
    kinds = {_name(row): row["kind"] for row in rows["tables"]}
    comments = {_name(row): _line(row["comment"]) for row in rows["tables"]}
    columns: dict[str, dict[str, Column]] = defaultdict(dict)
    for row in sorted(rows["columns"], key=lambda row: row["position"]):
        name, mine = row["column"], columns[_name(row)]
        found = Column(name, _line(row["type"]) or None, _line(row["comment"]))
        # Of a name that occurs twice nobody can tell which column is meant.
        mine[name] = Column(name, None, "") if name in mine or "." in name else found
    reads: dict[str, set[str]] = defaultdict(set)
    readers: dict[str, set[str]] = defaultdict(set)
    for row in rows["table_lineage"]:
        view, source = _name(row, "target_"), _name(row, "source_")
        if view != source:
            reads[view].add(source)
            readers[source].add(view)
    jobs, twice = _jobs(rows)
    loaded_by: dict[str, set[str]] = defaultdict(set)
    for name, job in jobs.items():
        for relation in job.writes:
            loaded_by[relation].add(name)
    return Facts(
        kinds=dict(sorted(kinds.items())),
        comments={name: text for name, text in sorted(comments.items()) if text},
        columns={name: tuple(columns[name].values()) for name in sorted(columns)},
        reads=_sorted(reads),
        readers=_sorted(readers),
        jobs=jobs,
        loaded_by=_sorted(loaded_by),
        twice=twice,
    )


def _jobs(rows: Mapping[str, list[dict]]) -> tuple[dict[str, Job], tuple[str, ...]]:
    numbers = Counter(row["job"] for row in rows["jobs"])
    touches: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows["job_tables"]:
        touches[row["job"]].add((row["access"], _name(row)))
    starts = {row["job"]: starts_of(row) for row in rows["job_schedules"]}
    jobs = {
        row["job"]: Job(
            _line(row["description"]),
            _line(starts.get(row["job"])),
            tuple(sorted(touches[row["job"]])),
        )
        for row in sorted(rows["jobs"], key=lambda row: row["job"])
        if numbers[row["job"]] == 1
    }
    return jobs, tuple(sorted(name for name, count in numbers.items() if count > 1))


def starts_of(schedule: Mapping) -> str:
    """What starts a job, in one line; empty where that cannot be said so.

    Args:
        schedule: A row of ``job_schedules``.
    """
    trigger, conditions = schedule["trigger"], " ".join((schedule["waits_for"] or "").split())
    if trigger == "cron":
        return schedule["cron"] or ""
    if trigger in ("conditions", "external"):
        return f"after {conditions}" if conditions else ""
    if trigger == "cron_and_conditions" and conditions and not schedule["not_expressible"]:
        days = schedule["date_filter"]
        parts = [
            f"{words} {','.join(map(str, days[field]))}"
            for field, words in (("month_days", "month days"), ("week_days", "week days"))
            if days[field]
        ]
        between = " and " if days["and_or"] == "A" else " or "
        chosen = f" on {between.join(parts)}" if parts else ""
        months = f" in months {','.join(map(str, days['months']))}" if days["months"] else ""
        return f"after {conditions}{chosen}{months}"
    return ""


def _name(row: Mapping, prefix: str = "") -> str:
    return f"{row[prefix + 'database']}.{row[prefix + 'table']}"


def _line(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= LONGEST_TEXT else ""


def _sorted(found: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted(found[name])) for name in sorted(found)}
