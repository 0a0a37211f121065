"""What all ways to train the Relational Transformer have in common as a work of the loop.

Belongs here: how its checkpoint is written. Does not belong here: what is trained on
(``train.py``, ``pretrain.py``, ``stream.py``). Imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from amodels_assets.training.average import arrays
from amodels_assets.training.checkpoint import write_checkpoint
from amodels_assets.training.ordered_work import OrderedWork


class RelationalWork(OrderedWork):
    """A work that trains the Relational Transformer."""

    architecture = "relational_transformer"

    def write(
        self, folder: Path, weights: Mapping[str, Tensor], manifest: Mapping[str, Any]
    ) -> None:
        """Write ``model.safetensors`` and the manifest."""
        write_checkpoint(folder, arrays(weights), manifest)
