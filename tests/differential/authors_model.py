"""The authors' package, where it is installed, and the batch that its outputs are frozen for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.differential.authors_batch import authors_batch, digest, random_weights
from tests.relational_contexts import SMALL, Context, hide_more, random_context, vectors

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Contexts and a network.

    Attributes:
        sizes: Sizes under the package's names.
        seed: Decides contexts and weights.
        cells: Cells of a context.
        count: Contexts.
    """

    sizes: dict[str, int] = field(
        default_factory=lambda: {
            "num_blocks": 2, "d_model": 16, "d_text": 8, "num_heads": 2, "d_ff": 24,
        }
    )  # fmt: skip
    seed: int = 20251006
    cells: int = 128
    count: int = 4

    def contexts(self) -> list[Context]:
        """Of different lengths, with a fifth of the cells hidden."""
        random = np.random.default_rng(self.seed)
        some = [
            random_context(random, SMALL, self.cells - 9 * number, missing=0)
            for number in range(self.count)
        ]
        return [hide_more(context, random) for context in some]

    def vectors(self) -> dict[str, np.ndarray]:
        """Text and column-name vectors."""
        return vectors(SMALL, self.sizes["d_text"], self.seed)

    def arrays(self, contexts: Sequence[Context]) -> dict[str, np.ndarray]:
        """The batch of their package."""
        return authors_batch(contexts, SMALL, self.vectors(), self.cells)

    def digest(self) -> str:
        """Names the batch by its content."""
        return digest(self.arrays(self.contexts()))


CASE = Case()


def authors_model(sizes: Mapping[str, int], seed: int = 0) -> Any:
    """Their network with random weights, none of them zero."""
    from rt.model.net import RelationalTransformer

    model = RelationalTransformer(**sizes, compile=False, materialize_attn_masks=True)
    shapes = {name: tuple(part.shape) for name, part in model.state_dict().items()}
    weights = random_weights(shapes, seed)
    model.load_state_dict({name: torch.from_numpy(part) for name, part in weights.items()})
    return model.eval()


def authors_outputs(model: Any, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """What their network says of the hidden cells, by kind, and in which order they stand.

    It sorts the cells of a context by column; ``cell`` and ``context`` undo that.
    """
    batch = {name: torch.from_numpy(part) for name, part in arrays.items()}
    with torch.no_grad():
        _, says, _, _ = model(batch, return_embeddings=False)
    largest = torch.iinfo(torch.int64).max
    keys = batch["col_name_idxs"].masked_fill(batch["is_padding"], largest)
    order = keys.argsort(dim=-1, stable=True)
    hidden = batch["is_targets"]
    return {
        name: torch.empty_like(part).scatter_(1, order[..., None].expand_as(part), part)[hidden]
        for name, part in says.items()
    }
