"""Which tables and views belong together, and which split each family is in.

Belongs here: families and splits. Does not belong here: questions.

A view's sources, a table's readers and a job's targets are one fact seen from several sides. Were
the view learned and the table examined, the answer would have been seen. So relations are one
family when

- lineage connects them,
- one job writes both, or
- they have the very same columns (a table and its copy in staging).

Lineage alone can make one family of most of a warehouse. A family of more than ``LARGEST_SHARE`` of
all relations is therefore cut: the relation with most neighbours leaves it as a family of its own,
until the rest is small enough. A fact that then lies across two splits is not asked in any
(``Splits.common``).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from amodels_assets.questions.facts import Facts
from amodels_assets.questions.names import HELD_OUT, TEST, TRAIN, VALIDATION
from amodels_assets.questions.seeded import number

SHARES = {TEST: 0.2, VALIDATION: 0.15}
LARGEST_SHARE = 0.2
SMALLEST_LIMIT = 8
DRAWS = 16
# Fewer columns than this are the same by chance: an id and a date.
_TELLING_COLUMNS = 3


@dataclass(frozen=True)
class Splits:
    """Family and split of everything that facts are about.

    Attributes:
        family: By relation; by ``job <name>`` for a job that writes nothing.
        split: By the same.
    """

    family: dict[str, str]
    split: dict[str, str]

    def common(self, owners: Iterable[str]) -> str | None:
        """The one split that all of them are in; None where they are in several."""
        found = {self.split[owner] for owner in owners}
        return found.pop() if len(found) == 1 else None

    def among(self, split: str, names: Iterable[str]) -> list[str]:
        """Those of the names that are in a split."""
        return [name for name in names if self.split.get(name) == split]


def owner_of_job(facts: Facts, job: str) -> tuple[str, ...]:
    """What a job's facts belong to: the relations that it writes, else itself."""
    return facts.jobs[job].writes or (f"job {job}",)


def make_splits(facts: Facts, seed: int) -> Splits:
    """Families, shared out among training, validation and test by a draw.

    Families with views, families without and jobs without targets are shared out separately, so
    that each split has some of each. The largest of each goes to training. Of ``DRAWS`` draws the
    one counts that leaves most lineage to be asked about in the split that has least.
    """
    family = find_families(facts)
    members: dict[str, list[str]] = defaultdict(list)
    for name, of in family.items():
        members[of].append(name)
    strata: dict[str, list[str]] = defaultdict(list)
    for of, names in members.items():
        views = any(facts.kinds.get(name) == "view" or name in facts.reads for name in names)
        strata["views" if views else "jobs" if of.startswith("job ") else "tables"].append(of)
    lineage = [[(view, *facts.reach(view, facts.reads)) for view in facts.reads],
               [facts.reach(relation, facts.readers) for relation in facts.readers]]  # fmt: skip
    owners = [[[n for n in names if n in facts.reads] for names in found] for found in lineage]
    drawn = []
    for draw in range(DRAWS):
        split_of: dict[str, str] = {}
        for stratum, found in sorted(strata.items()):
            sizes = {of: len(members[of]) for of in found}
            split_of |= _share_out(sizes, (seed, "split", draw, stratum))
        splits = Splits(family, {name: split_of[of] for name, of in family.items()})
        asked = [Counter(splits.common(names) for names in found) for found in owners]
        fewest = min(counts[split] for counts in asked for split in (TRAIN, *HELD_OUT))
        drawn.append((fewest, -sum(counts[None] for counts in asked), -draw, splits))
    return max(drawn, key=lambda found: found[:-1])[-1]


def find_families(facts: Facts) -> dict[str, str]:
    """Family of every relation and of every job without targets, named by its first member."""
    atoms = _Sets()
    names = {*facts.kinds, *facts.columns, *facts.reads, *facts.readers, *facts.loaded_by}
    for name in sorted(names):
        atoms.join(name, name)
    for job in facts.jobs:
        first, *others = owner_of_job(facts, job)
        atoms.join(first, first)
        for other in others:
            atoms.join(first, other)
    alike: dict[frozenset[str], str] = {}
    for relation, columns in facts.columns.items():
        key = frozenset(column.name for column in columns)
        if len(key) >= _TELLING_COLUMNS:
            atoms.join(alike.setdefault(key, relation), relation)
    near: dict[str, set[str]] = defaultdict(set)
    for view, sources in facts.reads.items():
        for source in sources:
            a, b = atoms.first(view), atoms.first(source)
            if a != b:
                near[a].add(b)
                near[b].add(a)
    weight: dict[str, int] = defaultdict(int)
    for name in atoms:
        weight[atoms.first(name)] += 1
    limit = max(SMALLEST_LIMIT, math.floor(LARGEST_SHARE * len(facts.kinds)))
    whole = _cut(weight, near, limit)
    first_of: dict[str, str] = {}
    for name in sorted(atoms):
        first_of.setdefault(whole[atoms.first(name)], name)
    return {name: first_of[whole[atoms.first(name)]] for name in sorted(atoms)}


class _Sets:
    """Disjoint sets of names; the first in the alphabet stands for its set."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._parent)

    def first(self, name: str) -> str:
        root = name
        while self._parent.setdefault(root, root) != root:
            root = self._parent[root]
        while self._parent[name] != root:
            self._parent[name], name = root, self._parent[name]
        return root

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.first(one), self.first(other)))
        self._parent[high] = low


def _cut(weight: Mapping[str, int], near: Mapping[str, set[str]], limit: int) -> dict[str, str]:
    """Component of every node, none with several nodes heavier than the limit."""
    component: dict[str, str] = {}
    ahead = [sorted(weight)]
    while ahead:
        inside = set(ahead.pop())
        while inside:
            found = _connected(min(inside), near, inside)
            inside -= found
            if len(found) == 1 or sum(weight[node] for node in found) <= limit:
                component |= dict.fromkeys(found, min(found))
                continue
            hub = min(found, key=lambda node: (-len(near[node] & found), node))
            component[hub] = hub
            ahead.append(sorted(found - {hub}))
    return component


def _connected(start: str, near: Mapping[str, set[str]], inside: set[str]) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        new = (near.get(ahead.pop(), set()) & inside) - found
        found |= new
        ahead.extend(new)
    return found


def _share_out(sizes: Mapping[str, int], key: tuple) -> dict[str, str]:
    """Split of every family: the largest trains, the others follow in drawn order."""
    order = sorted(sizes, key=lambda of: (number(*key, of), of))
    largest = max(order, key=lambda of: (sizes[of], number(*key, of)))
    order.remove(largest)
    split = {largest: TRAIN}
    whole = sum(sizes.values())
    for name, share in SHARES.items():
        filled = 0
        while order and filled < share * whole:
            of = order.pop(0)
            split[of] = name
            filled += sizes[of]
    return split | dict.fromkeys(order, TRAIN)
