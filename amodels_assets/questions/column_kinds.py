"""Questions about columns and comments: ``column_type``, ``table_of_column``, ``documentation``.

Belongs here: these kinds. Does not belong here: their wording.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from amodels_assets.questions.draft import OTHER_CHOICES, Draft, Scene, column_line
from amodels_assets.questions.families import owner_of_job
from amodels_assets.questions.names import HELD_OUT, TRAIN
from amodels_assets.questions.seeded import drawn, shuffled, some

# Of one relation: a table of a thousand columns must not be the whole examination.
TYPES_OF_A_RELATION = 6
PLACES_OF_A_RELATION = 3
COMMENTS_OF_A_RELATION = 4
_WINDOW = 6
_HOLDERS = 3
# Relations among which the ones with the most similar names are looked for.
_CANDIDATES = 40
_PARTS = re.compile(r"[^_\W]+")


def column_types(scene: Scene) -> Iterator[Draft | None]:
    """Which type has a column?"""
    everywhere = Counter(
        column.type for columns in scene.facts.columns.values() for column in columns if column.type
    )
    frequent = [name for name, _ in sorted(everywhere.items(), key=lambda e: (-e[1], e[0]))]
    for relation, columns in scene.facts.columns.items():
        types = {column.name: column.type for column in columns if column.type}
        for name in drawn(types, TYPES_OF_A_RELATION, scene.seed, "type", relation):
            subject, right = f"{relation}.{name}", types[name]
            window = scene.window(relation, name, _WINDOW)
            base = right.partition("(")[0]
            alike = [other for other in frequent if other.partition("(")[0] == base]
            beside = [column.type for column in window if column.type]
            yield scene.draft(
                "column_type",
                subject,
                [relation],
                slots={"relation": relation, "column": name},
                answer=right,
                wrong=[*alike, *beside, *frequent],
                excerpt=[column_line(relation, window)],
            )


def tables_of_columns(scene: Scene) -> Iterator[Draft | None]:
    """Which table or view has a column? Columns of at most three are asked about."""
    holders: dict[str, list[str]] = defaultdict(list)
    for relation, columns in scene.facts.columns.items():
        for column in columns:
            holders[column.name].append(relation)
    words = {name: set(_PARTS.findall(name)) for name in scene.facts.columns}
    asked: dict[str, None] = {}
    for relation, columns in scene.facts.columns.items():
        telling = [column.name for column in columns if len(holders[column.name]) <= _HOLDERS]
        asked |= dict.fromkeys(drawn(telling, PLACES_OF_A_RELATION, scene.seed, "place", relation))
    by_split: dict[str, list[str]] = defaultdict(list)
    for relation in scene.facts.columns:
        by_split[scene.splits.split[relation]].append(relation)
    for name in sorted(asked):
        right = holders[name]
        split = scene.splits.split[right[0]]
        parts = set(_PARTS.findall(name))
        order = some(by_split[split], _CANDIDATES, scene.seed, "near", name)
        near = sorted(order, key=lambda other: -len(words[other] & parts))
        near = [other for other in near if other not in right][: OTHER_CHOICES + 1]
        shown = shuffled([*right, *near[:OTHER_CHOICES]], scene.seed, "shown", name)
        lines = []
        for relation in shown:
            first = name if relation in right else scene.facts.columns[relation][0].name
            window = scene.window(relation, first, _WINDOW - 1, name)
            lines.append(column_line(relation, window))
        yield scene.draft(
            "table_of_column",
            name,
            # What is only shown beside is of the same split already.
            [*right, *shown] if scene.splits.common(right) else right,
            slots={"column": name},
            answer=right,
            wrong=scene.lists_like(right, near, "place", name),
            excerpt=lines,
        )


def documentation(scene: Scene) -> Iterator[Draft | None]:
    """What does the comment on a table, a column or a job say?"""
    facts = scene.facts
    texts = {
        "column": sorted({c.comment for columns in facts.columns.values() for c in columns}),
        "relation": sorted(set(facts.comments.values())),
        "job": sorted({job.description for job in facts.jobs.values()}),
    }
    every_text = sorted(set().union(*texts.values()))

    def draft(
        subject: str, what: str, owners: list[str], right: str, lines: list[str]
    ) -> Draft | None:
        sort = what.partition(" ")[0]
        alike = texts.get(sort, texts["relation"])
        order = some(alike, OTHER_CHOICES + 1, scene.seed, "like", subject)
        order += some(every_text, OTHER_CHOICES + 1, scene.seed, "unlike", subject)
        return scene.draft(
            "documentation",
            subject,
            owners,
            slots={"what": what},
            answer=right,
            wrong=[text for text in order if text],
            excerpt=lines,
        )

    for relation, columns in facts.columns.items():
        commented = {column.name: column.comment for column in columns if column.comment}
        for name in drawn(commented, COMMENTS_OF_A_RELATION, scene.seed, "comment", relation):
            lines = [column_line(relation, scene.window(relation, name, _WINDOW), comments=True)]
            what = f"column {name} of {relation}"
            yield draft(f"{relation}.{name}", what, [relation], commented[name], lines)
    commented_in = {
        split: scene.splits.among(split, facts.comments) for split in (TRAIN, *HELD_OUT)
    }
    for relation, text in facts.comments.items():
        kind = facts.kinds[relation]
        near = commented_in[scene.splits.split[relation]]
        beside = [relation, *some(near, OTHER_CHOICES, scene.seed, "beside", relation)]
        beside = shuffled(beside, scene.seed, "order", relation)
        lines = [f"{facts.kinds[n]} {n} comment '{facts.comments[n]}'" for n in beside]
        yield draft(relation, f"{kind} {relation}", [relation, *beside], text, lines)
    described = {name: job for name, job in facts.jobs.items() if job.description}
    owner = {name: owner_of_job(facts, name) for name in described}
    by_split: dict[str | None, list[str]] = defaultdict(list)
    for name in described:
        by_split[scene.splits.common(owner[name])].append(name)
    for name, job in described.items():
        near = by_split[scene.splits.common(owner[name])]
        shown = [name, *some(near, OTHER_CHOICES, scene.seed, "beside", name)]
        shown = shuffled(shown, scene.seed, "order", name)
        lines = [f"job {n} description '{described[n].description}'" for n in shown]
        owners = [relation for n in [name, *shown] for relation in owner[n]]
        yield draft(f"job {name}", f"job {name}", owners, job.description, lines)
