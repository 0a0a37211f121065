"""What the network says of a hidden value, and how wrong that is.

Belongs here: a head and a loss per kind of value. Does not belong here: what makes a token's state
(``network.py``). Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from amodels_assets.training.batch import BOOLEAN, CATEGORICAL, DATETIME, NUMERIC, TEXT
from amodels_assets.training.tensors import TensorTargets

# Texts are unit vectors, so their products lie between -1 and 1: too close for a clear choice.
FIRST_SHARPNESS = 10.0


@dataclass(frozen=True)
class Losses:
    """How wrong the predictions of a batch are.

    Attributes:
        total: Mean over the targets that count, a scalar with gradients; 0 where none does.
        kinds: Mean over the targets of a kind, scalars without gradients.
        counts: Targets of a kind that count; kinds that have none are missing. A category that the
            column is not known to have does not count.
    """

    total: Tensor
    kinds: dict[int, Tensor]
    counts: dict[int, int]


class Heads(nn.Module):
    """One head per kind of value. All start at zero: the mean, even odds, no text.

    A number or moment is said in units of its column's standard deviation, a truth value as a
    logit, a category by a vector that is compared with those of the column's categories, a text by
    its vector.
    """

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.numeric = nn.Linear(width, 1)
        self.boolean = nn.Linear(width, 1)
        self.datetime = nn.Linear(width, 1)
        self.categorical = nn.Linear(width, text_width)
        self.text = nn.Linear(width, text_width)
        self.sharpness = nn.Parameter(torch.tensor(FIRST_SHARPNESS).log())
        for head in (self.numeric, self.boolean, self.datetime, self.categorical, self.text):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def number(self, states: Tensor, kind: int) -> Tensor:
        """Standardised number or moment, or logit of a truth value; (n, width) to float (n,)."""
        head = {NUMERIC: self.numeric, BOOLEAN: self.boolean, DATETIME: self.datetime}[kind]
        return _precise(head(states).squeeze(-1))

    def category(self, states: Tensor, categories: Tensor) -> Tensor:
        """Scores of categories, before the softmax.

        Args:
            states: (n, width).
            categories: Their text vectors, (categories, text width).

        Returns:
            (n, categories), float.
        """
        vectors = _precise(self.categorical(states))
        products = vectors @ categories.to(vectors.dtype).T
        return _precise(products) * self.sharpness.exp()

    def vector(self, states: Tensor) -> Tensor:
        """Text vectors, not of unit length; (n, width) to float (n, text width)."""
        return _precise(self.text(states))

    def losses(
        self,
        states: Tensor,
        targets: TensorTargets,
        categories: Callable[[int], Tensor],
        texts: Callable[[Tensor], Tensor],
    ) -> Losses:
        """Losses of the targets: Huber's for numbers, moments and texts, cross-entropy otherwise.

        Args:
            states: Of the targets, (targets, width).
            targets: What they hold.
            categories: The text vectors of the categories of a column, by its number.
            texts: The text vectors of text numbers.
        """
        sums: dict[int, Tensor] = {}
        counts: dict[int, int] = {}
        for kind, (positions, values) in targets.numbers.items():
            said = self.number(states.index_select(0, positions), kind)
            wrong = _logistic if kind == BOOLEAN else _huber
            sums[kind], counts[kind] = wrong(said, values.to(said.dtype)), len(positions)
        for column in targets.categories:
            if not column.known:
                continue
            said = self.category(
                states.index_select(0, column.positions), categories(column.column)
            )
            sums[CATEGORICAL] = sums.get(CATEGORICAL, 0) + functional.cross_entropy(
                said, column.classes, ignore_index=-1, reduction="sum"
            )
            counts[CATEGORICAL] = counts.get(CATEGORICAL, 0) + column.known
        if targets.texts:
            positions, strings = targets.texts
            said = self.vector(states.index_select(0, positions))
            vectors = texts(strings).to(said.dtype)
            sums[TEXT], counts[TEXT] = _huber(said, vectors) / vectors.shape[-1], len(positions)
        # Has gradients, if only zeros, where nothing counts.
        total = sum(sums.values(), start=_precise(states).sum() * 0)
        return Losses(
            total / max(1, sum(counts.values())),
            {kind: part.detach() / counts[kind] for kind, part in sums.items()},
            counts,
        )


def _precise(values: Tensor) -> Tensor:
    """The values with at least 32 bits, whatever automatic casting made of them."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _huber(said: Tensor, values: Tensor) -> Tensor:
    return functional.huber_loss(said, values, reduction="sum")


def _logistic(said: Tensor, values: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(said, values, reduction="sum")
