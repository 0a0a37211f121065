"""The Relational Transformer: attention along columns, rows and foreign keys.

Belongs here: the network. Does not belong here: the attention itself (``attention.py``), what is
read off a token (``heads.py``), how cells are encoded and how it is trained. Imports torch, so it
is imported by processes that train or score.

After "Relational Transformer: Toward Zero-Shot Foundation Models for Relational Data"
(arXiv 2510.06377) in the form that its authors published, MIT licence: a token is a cell; a block
attends to cells of the same column, to child rows, to the own row and its parents, and ends in a
gated MLP. Beyond it: truth values and categories have encoders and heads of their own, a number has
several features, the column's name may change how its values count, and a cell knows how old its
row is. ``authors.py`` takes over
the authors' weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from amodels_assets.training.attention import GroupedAttention, chosen
from amodels_assets.training.batch import AGE_WIDTH, CATEGORICAL, KIND_COUNT
from amodels_assets.training.elementwise import EPSILON, swish_gated, unit
from amodels_assets.training.heads import Heads, Losses
from amodels_assets.training.network_config import NetworkConfig
from amodels_assets.training.tensors import (
    NUMBER_KINDS,
    TEXT_KINDS,
    TensorBatch,
    TensorBlock,
    TensorTargets,
)


class GatedMlp(nn.Module):
    """A gated multi-layer perceptron on each token; starts as zero."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.Parameter(torch.ones(width))
        self.gate = nn.Linear(width, hidden, bias=False)
        self.value = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform; (tokens, width) to the same, to be added."""
        normed = unit(tokens)
        gate, value = (
            functional.linear(normed, part.weight * self.norm) for part in (self.gate, self.value)
        )
        return self.out(swish_gated(gate, value))


class Block(nn.Module):
    """The attentions one after the other, then the MLP."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.attentions = nn.ModuleDict(
            {name: GroupedAttention(config.width, config.heads) for name in config.attentions}
        )
        self.mlp = GatedMlp(config.width, config.hidden)

    def forward(self, tokens: Tensor, plan: TensorBlock) -> Tensor:
        """One step of message passing; (tokens, width) to the same."""
        for attention, groups in zip(self.attentions.values(), plan.attentions, strict=True):
            if groups is not None:
                tokens = attention(tokens, groups)
        if plan.mlp is None:
            return tokens + self.mlp(tokens)
        changed = self.mlp(chosen(tokens, plan.mlp))
        return tokens.index_add(0, plan.mlp, changed.to(tokens.dtype))


class CellEncoder(nn.Module):
    """Tokens of cells: what the value says, and what its column's name says."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.dropout = config.dropout

        def encoder(features: int) -> nn.Sequential:
            return nn.Sequential(nn.Linear(features, width), nn.RMSNorm(width, eps=EPSILON))

        self.numbers = nn.ModuleList(encoder(config.value_width) for _ in NUMBER_KINDS)
        self.texts = nn.ModuleList(encoder(config.text_width) for _ in TEXT_KINDS)
        self.name = encoder(config.text_width)
        # What stands for a hidden value of each kind, and for a missing one.
        self.hidden = nn.Parameter(torch.randn(KIND_COUNT, width))
        # How a value counts depends on its column's name, from the first step on: equal values of
        # different columns point in different directions. Names are unit vectors.
        self.film = nn.Linear(config.text_width, width, bias=False)
        nn.init.normal_(self.film.weight)
        # How old the row is counts the same for all its cells.
        self.age = nn.Linear(AGE_WIDTH, width, bias=False)
        nn.init.normal_(self.age.weight, std=0.5)

    def forward(self, batch: TensorBatch, texts: Tensor, names: Tensor) -> Tensor:
        """Tokens.

        Args:
            batch: Its cells.
            texts: Text vectors, (texts, text width); only those in the batch are encoded.
            names: Column-name vectors, (columns, text width).

        Returns:
            (tokens, width).
        """
        values = [encode(part) for encode, part in zip(self.numbers, batch.values, strict=True)]
        values += [
            encode(texts.index_select(0, part))
            for encode, part in zip(self.texts, batch.strings, strict=True)
        ]
        pool = torch.cat([*(value.to(self.hidden.dtype) for value in values), self.hidden])
        name = functional.embedding(batch.columns, self.name(names).to(pool.dtype))
        film = functional.embedding(batch.columns, 1 + self.film(names).to(pool.dtype))
        age = functional.embedding(batch.age_slots, self.age(batch.ages).to(pool.dtype))
        tokens = torch.addcmul(name + age, functional.embedding(batch.slots, pool), film)
        return functional.dropout(tokens, self.dropout, self.training)


class RelationalTransformer(nn.Module):
    """Predicts hidden cells of contexts.

    Call :meth:`bind` with the vectors of a database before the first batch.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = CellEncoder(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.RMSNorm(config.width, eps=EPSILON)
        self.heads = Heads(config.width, config.text_width)
        # Of training alone, where there is a history to teach.
        self.history: nn.Linear | None = None
        self.texts: Tensor
        self.names: Tensor
        for buffer in ("texts", "names"):
            self.register_buffer(buffer, torch.zeros(0, config.text_width), persistent=False)
        self.categories: dict[int, Tensor] = {}

    def bind(
        self, texts: np.ndarray, names: np.ndarray, categories: Mapping[int, np.ndarray]
    ) -> None:
        """Use the vectors of a database; nothing of them is learned or saved with the weights.

        Args:
            texts: Vector of each text number, float32 (texts, text width).
            names: Vector of each column's name, float32 (columns, text width).
            categories: Column number to the text numbers of its categories, in the order of the
                targets' ``classes``.

        Raises:
            ValueError: Vectors have another width than the network takes.
        """
        for vectors in (texts, names):
            if vectors.shape[1] != self.config.text_width:
                raise ValueError(
                    f"Text vectors have {vectors.shape[1]} features and the network takes "
                    f"{self.config.text_width}; use the text encoder that it was trained with"
                )
        device = self.norm.weight.device
        self.texts = torch.from_numpy(texts).to(device)
        self.names = torch.from_numpy(names).to(device)
        self.categories = {
            column: torch.from_numpy(numbers.astype(np.int64)).to(device)
            for column, numbers in categories.items()
        }

    def teach_history(self, aggregates: int) -> None:
        """Give the network a head that tells so many aggregates; it starts at zero, their mean."""
        self.history = nn.Linear(self.config.width, aggregates, device=self.norm.weight.device)
        nn.init.zeros_(self.history.weight)
        nn.init.zeros_(self.history.bias)

    def history_loss(self, states: Tensor, history: Tensor) -> Tensor:
        """Mean squared error of what the states of :meth:`forward` tell of the history."""
        if self.history is None:
            raise ValueError("the network has no head for a history: call teach_history first")
        said = self.history(states)
        return functional.mse_loss(said.to(history.dtype), history)

    def forward(self, batch: TensorBatch) -> Tensor:
        """States of the targets; (targets, width)."""
        tokens = self.encoder(batch, self.texts, self.names)
        for block, plan in zip(self.blocks, batch.blocks, strict=True):
            tokens = block(tokens, plan)
        return self.norm(tokens.index_select(0, batch.targets.tokens))

    def loss(self, states: Tensor, targets: TensorTargets) -> Losses:
        """How wrong the states of :meth:`forward` are."""
        return self.heads.losses(
            states, targets, self._categories, lambda texts: self.texts.index_select(0, texts)
        )

    def scores(self, states: Tensor, kind: int, column: int | None = None) -> Tensor:
        """What is predicted of targets of one kind.

        Args:
            states: States of the targets, (n, width).
            kind: Kind of their values.
            column: Number of their column; needed for categories.

        Returns:
            Logit of a truth value or standardised number or moment, (n,); scores of the column's
            categories before the softmax, (n, categories); text vectors, (n, text width). Float.

        Raises:
            ValueError: The column has no categories.
        """
        if kind == CATEGORICAL:
            return self.heads.category(states, self._categories(column))
        if kind in NUMBER_KINDS:
            return self.heads.number(states, kind)
        return self.heads.vector(states)

    def _categories(self, column: int | None) -> Tensor:
        """Text vectors of a column's categories, (categories, text width)."""
        if column is None or column not in self.categories:
            raise ValueError(f"Column {column} has no categories; bind them, or name another one")
        return self.texts.index_select(0, self.categories[column])
