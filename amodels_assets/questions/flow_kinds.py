"""Questions about what flows where: ``upstream``, ``downstream``, ``loading_job``, ``schedule``.

Belongs here: these kinds. Does not belong here: their wording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from amodels_assets.questions.draft import OTHER_CHOICES, Draft, Scene
from amodels_assets.questions.families import owner_of_job
from amodels_assets.questions.seeded import drawn, shuffled, some

# An excerpt has as many lines as the answer needs, at most so many.
_MOST_LINES = 12
# Lines about other views come to that, while there is room.
_BESIDE = 2
_ROOM = 8
# Among which the most misleading wrong answers are looked for.
_CANDIDATES = 40


def upstream(scene: Scene) -> Iterator[Draft | None]:
    """Which tables does a view come from, directly or through other views?"""
    facts = scene.facts
    tables = [name for name, kind in facts.kinds.items() if kind == "table"]
    for view in facts.reads:
        found = facts.reach(view, facts.reads)
        views = [view, *(name for name in found if name in facts.reads)]
        right = [name for name in found if name not in facts.reads]
        if not right or any(facts.kinds.get(name) == "view" for name in right):
            # A view that could not be read, say: what lies beneath it is not known.
            scene.left_out["upstream: not known down to the tables"] += 1
            continue
        lines, owners = _edges(scene, views, view)
        yield _list_draft(
            scene,
            "upstream",
            view,
            slots={"view": view},
            owners=owners,
            right=right,
            names=tables,
            lines=lines,
        )


def downstream(scene: Scene) -> Iterator[Draft | None]:
    """Which views come from a table or view, directly or through other views?"""
    facts = scene.facts
    for relation in facts.readers:
        right = facts.reach(relation, facts.readers)
        lines, owners = _edges(scene, right, relation)
        yield _list_draft(
            scene,
            "downstream",
            relation,
            slots={"relation": relation},
            owners=owners,
            right=right,
            names=facts.reads,
            lines=lines,
        )


def loading_jobs(scene: Scene) -> Iterator[Draft | None]:
    """Which job loads a table?"""
    facts = scene.facts
    own, by_split = _jobs_by_split(scene, facts.jobs)
    touching: dict[str, list[str]] = defaultdict(list)
    for job, found in facts.jobs.items():
        for name in dict.fromkeys(name for _, name in found.touches):
            touching[name].append(job)
    for relation, right in facts.loaded_by.items():
        same = by_split[scene.splits.split[relation]]
        beside = [job for job in touching[relation] if job in same]
        near = list(dict.fromkeys([*beside, *some(list(same), 8, scene.seed, "jobs", relation)]))
        near = [job for job in near if job not in right]
        shown = [*right, *near[:OTHER_CHOICES]]
        # The jobs' writes and, of what they read, what has to do with the table.
        lines = {
            f"job {job} {access} {name}"
            for job in shown
            for access, name in facts.jobs[job].touches
            if access == "writes" or (access == "reads" and (name == relation or job in right))
        }
        owners = [relation, *(name for job in shown for name in own[job])]
        yield _list_draft(
            scene,
            "loading_job",
            relation,
            slots={"relation": relation},
            owners=owners,
            right=right,
            names=near,
            lines=lines,
        )


def schedules(scene: Scene) -> Iterator[Draft | None]:
    """When or after what does a job start?"""
    facts = scene.facts
    scene.left_out["schedule: the job's name is not its own"] += len(facts.twice)
    starting = {name: job.starts for name, job in facts.jobs.items() if job.starts}
    scene.left_out["schedule: no line can say it"] += len(facts.jobs) - len(starting)
    own, by_split = _jobs_by_split(scene, starting)
    for job, right in starting.items():
        same = [n for n in by_split[scene.splits.common(own[job])] if n != job]
        order = some(same, _CANDIDATES, scene.seed, "schedules", job)
        near = _of_the_same_form(starting, right, order)
        everywhere = some(list(starting), _CANDIDATES, scene.seed, "everywhere", job)
        shown = shuffled([job, *near[:OTHER_CHOICES]], scene.seed, "shown", job)
        yield scene.draft(
            "schedule",
            job,
            [name for other in [job, *shown] for name in own[other]],
            slots={"job": job},
            answer=right,
            wrong=[starting[n] for n in _of_the_same_form(starting, right, [*near, *everywhere])],
            excerpt=[f"job {other} starts {starting[other]}" for other in shown],
        )


def _jobs_by_split(
    scene: Scene, jobs: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], dict[str | None, dict[str, None]]]:
    """What owns each job's facts, and the jobs of each split, None for those across splits."""
    own = {job: owner_of_job(scene.facts, job) for job in jobs}
    by_split: dict[str | None, dict[str, None]] = defaultdict(dict)
    for job, owners in own.items():
        by_split[scene.splits.common(owners)][job] = None
    return own, by_split


def _of_the_same_form(starting: Mapping[str, str], right: str, jobs: Iterable[str]) -> list[str]:
    """Jobs with a cron line before those with conditions, or the other way round."""
    after = right.startswith("after ")
    return sorted(jobs, key=lambda job: starting[job].startswith("after ") != after)


def _edges(scene: Scene, views: Iterable[str], subject: str) -> tuple[list[str], list[str]]:
    """What the views read, with some lines about other views of their split, and all the views."""
    reads = scene.facts.reads
    views = list(views)
    split = scene.splits.common(views)
    others = [view for view in scene.splits.among(split or "", reads) if view not in views]
    beside = drawn(others, _BESIDE, scene.seed, "beside", subject)
    lines = {f"{view} reads {source}" for view in views for source in reads[view]}
    for view in beside:
        new = {f"{view} reads {source}" for source in reads[view]}
        if len(lines | new) <= _ROOM:
            lines |= new
    return sorted(lines), [*views, *beside] if split else views


def _list_draft(
    scene: Scene,
    kind: str,
    subject: str,
    *,
    slots: dict[str, str],
    owners: Iterable[str],
    right: Iterable[str],
    names: Iterable[str],
    lines: Iterable[str],
) -> Draft | None:
    lines = list(lines)
    right = list(right)
    if len(lines) > _MOST_LINES:
        scene.left_out[f"{kind}: more than {_MOST_LINES} lines to read"] += 1
        return None
    owners = list(owners)
    near = list(names)
    if kind != "loading_job":
        split = scene.splits.common(owners) or ""
        text = " ".join(lines)
        order = some(scene.splits.among(split, near), _CANDIDATES, scene.seed, kind, subject)
        order += [name for name in scene.splits.among(split, near) if name in text]
        # What stands in the excerpt misleads most.
        near = sorted((n for n in order if n != subject), key=lambda name: name not in text)
    return scene.draft(
        kind,
        subject,
        owners,
        slots=slots,
        answer=right,
        wrong=scene.lists_like(right, near, kind, subject),
        excerpt=shuffled(lines, scene.seed, "lines", kind, subject),
    )
