"""A batch as the tensors that the network takes.

Belongs here: what numpy says of a :class:`~amodels_assets.training.batch.Batch`, moved to a device.
Does not belong here: how a batch is made (``feed.py``), what is left out (``plan.py``), and what is
computed (``network.py``). Imports torch, so it is imported by processes that train or score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from amodels_assets.training.batch import (
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    NUMERIC,
    TEXT,
    Batch,
    Targets,
)
from amodels_assets.training.network_config import NetworkConfig
from amodels_assets.training.plan import Groups, plan_blocks

# Kinds whose values are numbers, and those whose values are texts.
NUMBER_KINDS = (NUMERIC, BOOLEAN, DATETIME)
TEXT_KINDS = (CATEGORICAL, TEXT)


@dataclass(frozen=True)
class TensorGroups:
    """As :class:`~amodels_assets.training.plan.Groups`.

    Attributes:
        queries: Tokens that look, int32; None: every token does.
        keys: Tokens that are looked at, int32; None: every token may be.
        sharpness: Logarithm of the number of keys, float32 (queries,).
        slots: Where each query stands in ``to_queries``, int32 (queries,).
        to_queries: Positions in ``queries``, int32, bucket by bucket.
        to_keys: Positions in ``keys``, int32, bucket by bucket.
        shapes: Groups, most queries and most keys of each bucket.
        seen: For each bucket whether a key is one and no padding, bool (groups, 1, 1, most keys);
            None: all are.
    """

    queries: Tensor | None
    keys: Tensor | None
    sharpness: Tensor
    slots: Tensor
    to_queries: Tensor
    to_keys: Tensor
    shapes: tuple[tuple[int, int, int], ...]
    seen: tuple[Tensor | None, ...]


@dataclass(frozen=True)
class TensorBlock:
    """As :class:`~amodels_assets.training.plan.BlockPlan`."""

    attentions: tuple[TensorGroups | None, ...]
    mlp: Tensor | None


@dataclass(frozen=True)
class ColumnTargets:
    """Categorical targets of one column.

    Attributes:
        column: The column's number.
        positions: Positions among all targets, int64 (n,).
        classes: Position among the column's categories, int64 (n,); -1 where it is none of them.
        known: Number of those that are among them.
    """

    column: int
    positions: Tensor
    classes: Tensor
    known: int


@dataclass(frozen=True)
class TensorTargets:
    """What is to be predicted, by kind; what a kind has no targets of is missing.

    Attributes:
        tokens: Tokens of the targets, int32 (targets,).
        numbers: For a kind of number: positions among the targets, int64 (n,), and the standardised
            values, float32 (n,).
        categories: The categorical targets by column.
        texts: Positions among the targets, int64 (n,), and text numbers, int32 (n,).
    """

    tokens: Tensor
    numbers: dict[int, tuple[Tensor, Tensor]]
    categories: tuple[ColumnTargets, ...]
    texts: tuple[Tensor, Tensor] | None


@dataclass(frozen=True)
class TensorBatch:
    """A batch on a device.

    Attributes:
        columns: Column number, int32 (tokens,).
        values: Features of the numbers that are seen, for each of ``NUMBER_KINDS``, float32
            (n, value width).
        strings: The distinct text numbers that are seen, for each of ``TEXT_KINDS``, int32 (n,).
        slots: Where the value of each token stands, int32 (tokens,): the ``values`` one kind after
            the other, then the ``strings``, then one place per kind for a hidden value. A missing
            value stands at the hidden one of its kind.
        ages: Features of the rows' ages, float32 (rows of all contexts, ``AGE_WIDTH``).
        age_slots: Position in ``ages`` of each token's row, int32 (tokens,).
        blocks: What each block computes.
        targets: What is to be predicted.
        history: What the targets' history comes to, float32 (targets, aggregates), where a
            training step teaches it.
        history_weight: What that counts beside the targets.
    """

    columns: Tensor
    values: tuple[Tensor, ...]
    strings: tuple[Tensor, ...]
    slots: Tensor
    ages: Tensor
    age_slots: Tensor
    blocks: tuple[TensorBlock, ...]
    targets: TensorTargets
    history: Tensor | None = None
    history_weight: float = 0.0


def to_tensors(
    batch: Batch, config: NetworkConfig, device: torch.device | str = "cpu"
) -> TensorBatch:
    """A batch for a network of this shape.

    Args:
        batch: Contexts as packed tokens.
        config: The network's shape: what is computed where depends on its blocks.
        device: Where the tensors are to lie.

    Raises:
        ValueError: The batch's values have another width than the network's.
    """
    if batch.values.shape[1] != config.value_width:
        raise ValueError(
            f"The batch has values of {batch.values.shape[1]} features and the network takes "
            f"{config.value_width}; make both with the same VALUE_WIDTH"
        )

    def moved(array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.to(device, non_blocking=True)

    values, strings, slots = _pool(batch)
    plans = plan_blocks(batch, config.attentions, config.blocks)
    # Blocks share what they have in common, and so do their tensors.
    known: dict[int, TensorGroups] = {}

    def groups(plan: Groups | None) -> TensorGroups | None:
        if plan is None:
            return None
        if id(plan) not in known:
            known[id(plan)] = _groups(plan, moved)
        return known[id(plan)]

    return TensorBatch(
        moved(batch.columns),
        tuple(moved(part) for part in values),
        tuple(moved(part) for part in strings),
        moved(slots),
        moved(batch.ages),
        moved(batch.age_slots),
        tuple(
            TensorBlock(
                tuple(groups(part) for part in plan.attentions),
                None if plan.mlp is None else moved(plan.mlp),
            )
            for plan in plans
        ),
        _targets(batch.targets, batch.columns, moved),
    )


def _pool(batch: Batch) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Values, distinct strings, and where each token's value stands among them."""
    slots = np.empty(batch.tokens, np.int32)
    values, strings, start = [], [], 0
    for kind in NUMBER_KINDS:
        tokens = np.flatnonzero((batch.kinds == kind) & ~batch.masked)
        values.append(batch.values[tokens])
        slots[tokens] = start + np.arange(len(tokens))
        start += len(tokens)
    for kind in TEXT_KINDS:
        tokens = np.flatnonzero((batch.kinds == kind) & ~batch.masked)
        distinct, place = np.unique(batch.strings[tokens], return_inverse=True)
        strings.append(distinct.astype(np.int32))
        slots[tokens] = start + place
        start += len(distinct)
    hidden = batch.masked | ~np.isin(batch.kinds, NUMBER_KINDS + TEXT_KINDS)
    slots[hidden] = start + batch.kinds[hidden].astype(np.int32)
    return values, strings, slots


def _groups(plan: Groups, moved: Callable[[np.ndarray], Tensor]) -> TensorGroups:
    queries = keys = None if plan.queries is None else moved(plan.queries)
    if plan.keys is not plan.queries:
        keys = None if plan.keys is None else moved(plan.keys)
    # The authors count in bfloat16, so their weights know the rounded logarithm.
    sizes = torch.from_numpy(plan.sizes).clamp_min(1).to(torch.bfloat16)
    return TensorGroups(
        queries,
        keys,
        moved(sizes.log().float().numpy()),
        moved(plan.slots),
        moved(plan.to_queries),
        moved(plan.to_keys),
        plan.shapes,
        tuple(None if seen is None else moved(seen[:, None, None]) for seen in plan.seen),
    )


def _targets(
    targets: Targets, columns: np.ndarray, moved: Callable[[np.ndarray], Tensor]
) -> TensorTargets:
    numbers = {}
    for kind in NUMBER_KINDS:
        at = np.flatnonzero(targets.kinds == kind)
        if len(at):
            numbers[kind] = (moved(at), moved(targets.numbers[at]))
    categorical = np.flatnonzero(targets.kinds == CATEGORICAL)
    of = columns[targets.tokens[categorical]]
    categories = []
    for column in np.unique(of):
        at = categorical[of == column]
        classes = targets.classes[at].astype(np.int64)
        known = int((classes >= 0).sum())
        categories.append(ColumnTargets(int(column), moved(at), moved(classes), known))
    texts = np.flatnonzero(targets.kinds == TEXT)
    return TensorTargets(
        moved(targets.tokens),
        numbers,
        tuple(categories),
        (moved(texts), moved(targets.strings[texts])) if len(texts) else None,
    )
