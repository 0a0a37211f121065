"""What a model sees of a batch of contexts: cells as tokens, and which may look at which.

Belongs here: the arrays and what they mean. Does not belong here: how they are made (``feed.py``)
and what is computed from them (``model.py``). Imports no torch.

Tokens are packed: the cells of all contexts stand behind one another without padding. Attention is
given as groups: the queries of a group look at its keys and at nothing else. Groups of about the
same size share a bucket, in which they are padded. ``tensors.py`` finds out of these links which
tokens each block of the network has to compute for the targets to be right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Kinds of a value; the first five in the order of ``datasets.relational.COLUMN_KINDS``.
NUMERIC, BOOLEAN, DATETIME, CATEGORICAL, TEXT, MISSING = range(6)
KIND_COUNT = 6
# Features of a number, a truth value or a moment; ``value_kernels.py`` says which.
VALUE_WIDTH = 24
# Features of a row's age; ``value_kernels.py`` says which.
AGE_WIDTH = 27


@dataclass(frozen=True)
class Bucket:
    """Attention groups of about the same size.

    Attributes:
        queries: Tokens that look, int32 (groups, most queries); -1 where a group has fewer.
        keys: Tokens that are looked at, int32 (groups, most keys); -1 where a group has fewer. No
            token stands twice in a group, and every group has at least one key.
    """

    queries: np.ndarray
    keys: np.ndarray


@dataclass(frozen=True)
class Links:
    """Who looks at whom. A token is a query of at most one group of each kind.

    Attributes:
        column: Cells of the same column.
        neighbour: A row's cells look at the cells of its child rows.
        feature: A row's cells look at the row's own and at those of its parent rows.
    """

    column: tuple[Bucket, ...]
    neighbour: tuple[Bucket, ...]
    feature: tuple[Bucket, ...]


@dataclass(frozen=True)
class Targets:
    """Cells that are to be predicted, and what they hold.

    Attributes:
        tokens: Their tokens, int32 (targets,).
        kinds: Kind of the value, int8 (targets,).
        numbers: Standardised number or moment, 0 or 1 for a truth value, float32 (targets,).
        classes: Position among the categories of the column, int32 (targets,); -1 where the value
            is no category or is not among them.
        strings: Text number, int32 (targets,); 0 where the value is no text.
    """

    tokens: np.ndarray
    kinds: np.ndarray
    numbers: np.ndarray
    classes: np.ndarray
    strings: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Contexts as packed tokens.

    Attributes:
        contexts: Context of each token, int32 (tokens,), ascending.
        rows: Global number of the row of each token, int64 (tokens,); -1 for the target's row.
        columns: Column number, int32 (tokens,).
        kinds: Kind of the value, int8 (tokens,).
        values: Features of the value, float32 (tokens, VALUE_WIDTH); zeros where there are none.
            The first is the standardised number or moment, or 0 or 1 for a truth value.
        strings: Number of the text or category, int32 (tokens,); 0 is none.
        ages: How long before the cut-off each row of the contexts became known, as features,
            float32 (rows of all contexts, AGE_WIDTH).
        age_slots: Position in ``ages`` of each token's row, int32 (tokens,).
        masked: Whether the value is hidden, bool (tokens,). What ``values`` and ``strings`` hold
            there is already zero: a hidden value is not in the batch but in ``targets``.
        links: Who looks at whom.
        targets: What is to be predicted.
    """

    contexts: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    strings: np.ndarray
    ages: np.ndarray
    age_slots: np.ndarray
    masked: np.ndarray
    links: Links
    targets: Targets

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.columns)
