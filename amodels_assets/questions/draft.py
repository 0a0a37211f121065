"""A fact to ask about, before it is put into words.

Belongs here: what every kind of question makes, and what it makes it from. Does not belong here:
the kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from amodels_assets.questions.answers import normal_form
from amodels_assets.questions.facts import Column, Facts
from amodels_assets.questions.families import Splits
from amodels_assets.questions.seeded import drawn, shuffled

OTHER_CHOICES = 3
# Names in one answer; a longer list is no question that anybody asks.
LONGEST_LIST = 12


@dataclass(frozen=True)
class Draft:
    """A fact with its answer.

    Attributes:
        kind: One of ``answers.KINDS``.
        subject: What is asked about; unique within a kind.
        family: Of what it is about.
        split: That of all ``relations``.
        relations: Whose definitions the excerpt and the answer state.
        slots: For the phrasings; ``selection`` of a query is filled in by the wording.
        answer: In canonical form.
        accepted: Normal forms of all right answers.
        wrong: Other answers of the same kind, the most misleading first.
        excerpt: Lines of the catalog from which the answer can be read.
        form: Of a query, its entry in ``selections.yaml``.
    """

    kind: str
    subject: str
    family: str
    split: str
    relations: tuple[str, ...]
    slots: dict[str, str]
    answer: str
    accepted: tuple[str, ...]
    wrong: tuple[str, ...]
    excerpt: tuple[str, ...]
    form: str = ""


@dataclass
class Scene:
    """What questions are made from.

    Attributes:
        facts: The catalog.
        splits: Of its relations.
        seed: Of all draws.
        left_out: Facts that were not asked about, by reason.
    """

    facts: Facts
    splits: Splits
    seed: int
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        bare = Counter(name.partition(".")[2] for name in self.facts.kinds)
        self._unique = {name for name, count in bare.items() if count == 1}

    def draft(
        self,
        kind: str,
        subject: str,
        relations: Iterable[str],
        *,
        slots: dict[str, str],
        answer: str | Sequence[str],
        wrong: Iterable[str],
        excerpt: Iterable[str],
        accepted: Iterable[str] = (),
        form: str = "",
    ) -> Draft | None:
        """A draft, or None where the fact lies across splits or cannot be told in a line.

        The first of the relations is what it is about; ``accepted`` are normal forms where the
        kind has more than one.
        """
        first, *_ = owners = list(relations)
        split = self.splits.common(owners)
        names = [answer] if isinstance(answer, str) else sorted(answer)
        if split is None:
            self.left_out[f"{kind}: lies across splits"] += 1
            return None
        if len(names) > LONGEST_LIST:
            self.left_out[f"{kind}: more than {LONGEST_LIST} names"] += 1
            return None
        text = ", ".join(names)
        right = set(accepted) or {normal_form(kind, text)}
        if not isinstance(answer, str) and all(self.is_unique(name) for name in names):
            right.add(normal_form(kind, ", ".join(name.partition(".")[2] for name in names)))
        others: dict[str, None] = {}
        for other in wrong:
            # Wrong queries differ in what they read: no need to parse each.
            if other != text and (kind == "sql" or normal_form(kind, other) not in right):
                others[other] = None
            if len(others) == OTHER_CHOICES:
                break
        return Draft(
            kind=kind,
            subject=subject,
            family=self.splits.family[first],
            split=split,
            relations=tuple(sorted(set(owners))),
            slots=slots,
            answer=text,
            accepted=tuple(sorted(right)),
            wrong=tuple(others),
            excerpt=tuple(excerpt),
            form=form,
        )

    def is_unique(self, relation: str) -> bool:
        """Whether a relation's name says which is meant without its database."""
        return relation.partition(".")[2] in self._unique

    def lists_like(self, right: Sequence[str], near: Sequence[str], *key: str) -> list[str]:
        """Wrong lists as long as the right one.

        Two names are exchanged, alone and together, so that the right list is not the one that has
        most in common with all others.

        Args:
            right: The names of the answer.
            near: Other names of the same kind, the most misleading first.
            key: Of the draw.
        """
        outside = list(dict.fromkeys(name for name in near if name not in right))[:OTHER_CHOICES]
        if len(right) == 1 or len(outside) == 1:
            leaving = shuffled(right, self.seed, "leaving", *key)
            pairs = [({leaving[0]}, {name}) for name in outside]
            pairs += [({name}, set(outside[:1])) for name in leaving[1:OTHER_CHOICES]]
        else:
            p, r = drawn(right, 2, self.seed, "leaving", *key)
            q, s = (*outside, *right)[:2]
            pairs = [({p}, {q}), ({r}, {s}), ({p, r}, {q, s})] if outside else []
        return [", ".join(sorted(set(right) - gone | new)) for gone, new in pairs]

    def window(self, relation: str, column: str, width: int, *key: str) -> list[Column]:
        """Neighbouring columns with a given one among them, at a place that is drawn."""
        columns = self.facts.columns[relation]
        place = next(i for i, found in enumerate(columns) if found.name == column)
        shift = int(
            drawn(map(str, range(width)), 1, self.seed, "window", relation, column, *key)[0]
        )
        start = max(0, min(place - shift, len(columns) - width))
        return list(columns[start : start + width])


def column_line(relation: str, columns: Sequence[Column], *, comments: bool = False) -> str:
    """A part of a relation's definition as a line of an excerpt."""
    parts = []
    for column in columns:
        comment = f" comment '{column.comment}'" if comments and column.comment else ""
        parts.append(f"{column.name}{f' {column.type}' if column.type else ''}{comment}")
    return f"{relation} has {', '.join(parts)}"
