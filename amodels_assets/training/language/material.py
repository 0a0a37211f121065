"""What is trained on: questions as tokens, and which of them a step is about.

Belongs here: choosing and tokenising questions, packing them into rows, the order of the rows. Does
not belong here: tensors (``batch.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from amodels_assets.questions.facts import QuestionsError
from amodels_assets.questions.folder import conversations, read_questions
from amodels_assets.questions.names import TRAIN, VALIDATION
from amodels_assets.questions.packing import Plan, TokenizedConversation, plan_packing
from amodels_assets.questions.tokens import tokenize
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.tree import bundles_of, in_order, shared, tree_of
from amodels_assets.training.material import dataset_version
from amodels_assets.training.work import Order, TrainingError

CLOSED = "closed"


@dataclass(frozen=True)
class LanguageMaterial:
    """Questions of a folder, as one tokenizer writes them.

    Attributes:
        train: Conversations to train on.
        bundles: Places of those that share an excerpt and are trained on together.
        sizes: Tokens of each bundle's tree, without what all conversations begin with.
        common: Tokens that all conversations begin with.
        validation: Held-out conversations to look at.
        too_long: How many questions were left out because no sequence holds them.
        version: Of the folder's content; that of the artifact where it is one.
        relations: Of each conversation to train on the tables and views that it tells of.
    """

    train: Sequence[TokenizedConversation]
    bundles: Sequence[tuple[int, ...]]
    sizes: Sequence[int]
    common: int
    validation: Sequence[TokenizedConversation]
    too_long: int
    version: str
    relations: Sequence[tuple[str, ...]]

    @property
    def tokens(self) -> int:
        """Of all conversations to train on, each by itself."""
        return sum(len(conversation.tokens) for conversation in self.train)

    def members(self, order: Order, part: slice) -> list[int]:
        """Places of the conversations of some rows of an order.

        Rows are places in the plan of the order's note; without one they are conversations.
        """
        if order.note is None:
            return order.rows[part].tolist()
        plan: Plan = order.note
        bundles = (bundle for row in order.rows[part].tolist() for bundle in plan.members[row])
        return [place for bundle in bundles for place in self.bundles[bundle]]


def load_material(folder: Path, tokenizer: Path, config: LanguageConfig) -> LanguageMaterial:
    """Read, choose and tokenise questions.

    Args:
        folder: Of questions.
        tokenizer: Folder of the base model.
        config: Says how many of which kind, and how long they may be.

    Raises:
        TrainingError: The questions cannot be read or tokenised, or none is left.
    """
    try:
        tables = read_questions(folder)
        chosen = {
            TRAIN: _to_train(tables[TRAIN], config),
            VALIDATION: _drawn(tables[VALIDATION], config.validation_questions, config.seed),
        }
        found = {
            split: list(tokenize(conversations(table), tokenizer))
            for split, table in chosen.items()
        }
    except QuestionsError as error:
        raise TrainingError(str(error)) from error
    fitting = {
        split: [one for one in every if len(one.tokens) <= config.length]
        for split, every in found.items()
    }
    for split, every in fitting.items():
        if not every:
            raise TrainingError(
                f"{folder} has no question of the split {split} of at most {config.length} tokens"
            )
    train = fitting[TRAIN]
    bundles = bundles_of(train, config.length, config.bundle)
    order = in_order(train)
    common = min(shared(train[order[0]].tokens, train[order[-1]].tokens), config.length - 1)
    sizes = [tree_of([train[place] for place in bundle]).size - common for bundle in bundles]
    return LanguageMaterial(
        train,
        bundles,
        [max(1, size) for size in sizes],
        common,
        fitting[VALIDATION],
        len(found[TRAIN]) - len(train),
        dataset_version(folder),
        [
            tuple(relations)
            for relations, one in zip(
                chosen[TRAIN]["relations"].to_pylist(), found[TRAIN], strict=True
            )
            if len(one.tokens) <= config.length
        ],
    )


def packed_orders(
    material: LanguageMaterial, config: LanguageConfig, first: int
) -> Iterator[Order]:
    """Orders of packed bundles from step ``first`` on.

    All conversations come once before any comes again, each time with other neighbours; the few
    sequences of an epoch that fill no batch are left out. An order's note is the epoch's plan, its
    rows are places in it.
    """
    length = config.length - material.common
    step, last = first, -1
    plan = plan_packing(material.sizes, length, seed=config.seed)
    size = min(config.batch_size, len(plan))
    while True:
        epoch, place = divmod(step, len(plan) // size)
        if epoch != last:
            plan = plan_packing(material.sizes, length, seed=config.seed, epoch=epoch)
            last = epoch
        yield Order(step, np.arange(place * size, (place + 1) * size), plan)
        step += 1


def _to_train(table: pa.Table, config: LanguageConfig) -> pa.Table:
    """All questions with an excerpt, and a share of those without."""
    closed = np.array([book == CLOSED for book in table["book"].to_pylist()])
    places = np.flatnonzero(closed)
    draw = np.random.default_rng([config.seed, 10])
    kept = draw.permutation(places)[: round(config.closed_book * len(places))]
    return table.take(pa.array(np.sort(np.concatenate([np.flatnonzero(~closed), kept]))))


def _drawn(table: pa.Table, most: int, seed: int) -> pa.Table:
    """Some rows of a table, always the same: all that share an excerpt, or none of them."""
    excerpts = [said[-1]["content"].rpartition("\n\n")[0] for said in table["messages"].to_pylist()]
    rows: dict[object, list[int]] = {}
    for place, excerpt in enumerate(excerpts):
        rows.setdefault(excerpt or place, []).append(place)
    groups = list(rows.values())
    draw = np.random.default_rng([seed, 11])
    places = [place for n in draw.permutation(len(groups)).tolist() for place in groups[n]]
    return table.take(pa.array(sorted(places[:most])))
