"""Random relational contexts, and their links worked out the slow and obvious way.

Tests and benchmarks of the network take their batches from here, so that they need no sampler; what
the authors' package takes of the same contexts is made here too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from amodels_assets.training.batch import (
    AGE_WIDTH,
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    MISSING,
    NUMERIC,
    TEXT,
    VALUE_WIDTH,
    Batch,
    Bucket,
    Links,
    Targets,
)

ENTITY = 0  # Number of the entity's row in a context; the target's row stands before it.
PADDED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048)


@dataclass(frozen=True)
class Schema:
    """Tables with the kinds of their columns and the tables that they point to.

    Attributes:
        kinds: Kinds of the columns, per table.
        parents: Tables that a table points to.
        texts: Number of texts, 0 being none.
    """

    kinds: tuple[tuple[int, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    texts: int

    @property
    def first_columns(self) -> np.ndarray:
        """Number of the first column of each table; the target's table is the last."""
        return np.cumsum([0, *(len(kinds) for kinds in self.kinds)])

    @property
    def columns(self) -> int:
        """Number of columns, with the target's and its cut-off's."""
        return int(self.first_columns[-1]) + 2


# Entities, like flights, with four parents and one table of children.
FLIGHTS = Schema(
    kinds=(
        (DATETIME, CATEGORICAL, NUMERIC, NUMERIC, CATEGORICAL, CATEGORICAL, CATEGORICAL, TEXT),
        (TEXT, NUMERIC, NUMERIC, NUMERIC, CATEGORICAL),
        (TEXT, CATEGORICAL, NUMERIC, NUMERIC, NUMERIC, CATEGORICAL, TEXT),
        (TEXT, NUMERIC, BOOLEAN),
        (DATETIME, *(NUMERIC,) * 9),
        (NUMERIC, NUMERIC, NUMERIC, BOOLEAN, DATETIME),
    ),
    parents=((1, 1, 2, 3, 4), (), (), (), (1,), (0,)),
    texts=5_000,
)
SMALL = Schema(
    kinds=(
        (NUMERIC, BOOLEAN, TEXT),
        (CATEGORICAL, DATETIME),
        (NUMERIC, CATEGORICAL, TEXT, NUMERIC),
    ),
    parents=((1,), (), (0, 1)),
    texts=40,
)


@dataclass(frozen=True)
class Context:
    """Cells of one context.

    Attributes:
        rows: Row of each cell, (cells,); -1 for the target's row.
        parents: Rows that a row points to.
        columns: Column of each cell.
        kinds: Kind of each cell.
        values: (cells, VALUE_WIDTH).
        strings: Text number of each cell.
        hidden: Cells whose value is hidden.
        answers: What they hold: number, class, text number.
    """

    rows: np.ndarray
    parents: dict[int, tuple[int, ...]]
    columns: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    strings: np.ndarray
    hidden: np.ndarray
    answers: tuple[tuple[float, int, int], ...]


def random_context(
    random: np.random.Generator,
    schema: Schema = SMALL,
    cells: int = 40,
    kind: int = BOOLEAN,
    missing: float = 0.05,
) -> Context:
    """An entity's row with its parents, their other children, and so on until the cells are full.

    Args:
        random: Where everything comes from.
        schema: Tables.
        cells: Cells at most, the target's row included.
        kind: Kind of the target.
        missing: Share of missing values.
    """
    target = schema.columns - 2
    found: list[tuple[int, int, int]] = [(-1, target, kind), (-1, target + 1, DATETIME)]
    tables: list[int] = []
    parents: dict[int, tuple[int, ...]] = {-1: (ENTITY,)}
    by_table: dict[int, list[int]] = defaultdict(list)

    def add(table: int, known: Sequence[int] = ()) -> int:
        """A row, with parents that may be new ones."""
        row = len(tables)
        tables.append(table)
        by_table[table].append(row)
        of = schema.first_columns[table]
        for position, value_kind in enumerate(schema.kinds[table]):
            shown = MISSING if random.random() < missing else value_kind
            found.append((row, int(of) + position, shown))
        points = list(known)
        wanted = list(schema.parents[table])
        for parent in known:
            wanted.remove(tables[parent])
        for parent_table in wanted:
            some = by_table[parent_table]
            again = some and random.random() < 0.8
            points.append(int(random.choice(some)) if again else add(parent_table))
        parents[row] = tuple(dict.fromkeys(points))
        return row

    add(0)
    while len(found) < cells:
        parent = int(random.integers(len(tables)))
        children = [
            table for table, points in enumerate(schema.parents) if tables[parent] in points
        ]
        if children:
            add(int(random.choice(children)), (parent,))
    found = found[:cells]
    count = len(found)
    rows, columns, kinds = (np.array(part) for part in zip(*found, strict=True))
    numbers = np.isin(kinds, (NUMERIC, BOOLEAN, DATETIME))
    # What comes after does not depend on how many features there are.
    first, more = random.normal(size=(count, 1)), np.random.default_rng(count)
    features = np.hstack([first, more.normal(size=(count, VALUE_WIDTH - 1))])
    values = np.where(numbers[:, None], features, 0)
    texts = np.isin(kinds, (CATEGORICAL, TEXT))
    strings = np.where(texts, random.integers(1, schema.texts, count), 0)
    hidden = np.zeros(count, bool)
    hidden[0] = True
    answer = (float(random.integers(2)), int(random.integers(3)), int(random.integers(1, 4)))
    return _hide(Context(rows, parents, columns, kinds, values, strings, hidden, (answer,)), hidden)


def _hide(context: Context, hidden: np.ndarray) -> Context:
    return replace(
        context,
        hidden=hidden,
        values=np.where(hidden[:, None], 0, context.values),
        strings=np.where(hidden, 0, context.strings),
    )


def hide_more(context: Context, random: np.random.Generator, share: float = 0.2) -> Context:
    """The context with more cells hidden, as in pretraining; their values become answers."""
    hidden = context.hidden | (
        (random.random(len(context.rows)) < share) & (context.kinds < MISSING)
    )
    extra = np.flatnonzero(hidden & ~context.hidden)
    answers = [
        (float(context.values[cell, 0]), int(random.integers(-1, 3)), int(context.strings[cell]))
        for cell in extra
    ]
    known = zip(np.flatnonzero(context.hidden), context.answers, strict=True)
    ordered = sorted([*known, *zip(extra, answers, strict=True)], key=lambda pair: pair[0])
    return replace(_hide(context, hidden), answers=tuple(answer for _, answer in ordered))


def batch_of(contexts: Sequence[Context]) -> Batch:
    """The contexts behind one another, with links found by comparing rows and columns."""
    starts = np.cumsum([0, *(len(context.rows) for context in contexts)])
    groups: dict[str, list[tuple[list[int], list[int]]]] = defaultdict(list)
    for context, start in zip(contexts, starts[:-1], strict=True):
        for name, found in context_groups(context).items():
            groups[name] += [
                ([start + cell for cell in queries], [start + cell for cell in keys])
                for queries, keys in found
            ]
    joined = {
        name: np.concatenate([getattr(context, name) for context in contexts])
        for name in ("rows", "columns", "kinds", "values", "strings", "hidden")
    }
    tokens = np.flatnonzero(joined["hidden"])
    answers = [answer for context in contexts for answer in context.answers]
    kinds = joined["kinds"][tokens]
    of_context = np.repeat(np.arange(len(contexts)), np.diff(starts))
    slots, age_slots = np.unique(
        np.stack([of_context, joined["rows"]]), axis=1, return_inverse=True
    )
    ages = np.stack([np.random.default_rng(row + 1).random(AGE_WIDTH) for row in slots[1]])
    return Batch(
        contexts=of_context.astype(np.int32),
        rows=joined["rows"].astype(np.int64),
        columns=joined["columns"].astype(np.int32),
        kinds=joined["kinds"].astype(np.int8),
        values=joined["values"].astype(np.float32),
        strings=joined["strings"].astype(np.int32),
        ages=ages.astype(np.float32),
        age_slots=age_slots.astype(np.int32),
        masked=joined["hidden"],
        links=Links(*(buckets(groups[name]) for name in ("column", "neighbour", "feature"))),
        targets=Targets(
            tokens.astype(np.int32),
            kinds.astype(np.int8),
            np.array([answer[0] for answer in answers], np.float32),
            np.where(kinds == CATEGORICAL, [answer[1] for answer in answers], -1).astype(np.int32),
            np.where(kinds == TEXT, [answer[2] for answer in answers], 0).astype(np.int32),
        ),
    )


def context_groups(context: Context) -> dict[str, list[tuple[list[int], list[int]]]]:
    """Groups of queries and keys of a context, as cell numbers."""
    of_row: dict[int, list[int]] = defaultdict(list)
    of_column: dict[int, list[int]] = defaultdict(list)
    for cell, (row, column) in enumerate(zip(context.rows, context.columns, strict=True)):
        of_row[int(row)].append(cell)
        of_column[int(column)].append(cell)
    children: dict[int, list[int]] = defaultdict(list)
    for row, cells in of_row.items():
        for parent in context.parents[row]:
            children[parent] += cells
    return {
        "column": [(cells, cells) for cells in of_column.values()],
        "neighbour": [(cells, children[row]) for row, cells in of_row.items() if children.get(row)],
        "feature": [
            (
                cells,
                cells
                + [cell for parent in context.parents[row] for cell in of_row.get(parent, ())],
            )
            for row, cells in of_row.items()
        ],
    }


def buckets(groups: Iterable[tuple[Sequence[int], Sequence[int]]]) -> tuple[Bucket, ...]:
    """Groups of about the same size together."""
    of_size: dict[tuple[int, int], list[tuple[Sequence[int], Sequence[int]]]] = defaultdict(list)
    for queries, keys in groups:
        of_size[_padded(len(queries)), _padded(len(keys))].append((queries, keys))
    return tuple(
        Bucket(_rectangle([queries for queries, _ in some]), _rectangle([keys for _, keys in some]))
        for some in of_size.values()
    )


def _padded(size: int) -> int:
    return next(padded for padded in PADDED if padded >= size)


def _rectangle(lists: Sequence[Sequence[int]]) -> np.ndarray:
    filled = np.full((len(lists), max(map(len, lists))), -1, np.int32)
    for row, items in zip(filled, lists, strict=True):
        row[: len(items)] = items
    return filled


def vectors(schema: Schema, width: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Unit vectors of texts and column names; text 0 is none."""
    random = np.random.default_rng(seed)
    found = {
        "texts": random.normal(size=(schema.texts, width)),
        "names": random.normal(size=(schema.columns, width)),
    }
    found["texts"][0] = 0
    return {
        name: (part / np.maximum(1e-9, np.linalg.norm(part, axis=1))[:, None]).astype(np.float32)
        for name, part in found.items()
    }
