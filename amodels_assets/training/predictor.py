"""A checkpoint bound to a data set, ready to be asked about any rows.

Belongs here: opening both together, and what the network says of predictions. Does not belong here:
who asks: scores of a split (``predict.py``) and the server of predictions (``serving``) use the
same, so that they say the same. Imports torch inside the functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amodels_assets.training.cells import column_names
from amodels_assets.training.checkpoint import CheckpointError
from amodels_assets.training.feeds import TARGET_KINDS, Feed
from amodels_assets.training.material import (
    Material,
    Parent,
    load_material,
    make_network,
    read_parent,
)

if TYPE_CHECKING:
    from amodels_assets.training.device import Device
    from amodels_assets.training.network import RelationalTransformer


@dataclass(frozen=True)
class Predictor:
    """A network that knows a database.

    Attributes:
        parent: The checkpoint.
        material: The data set.
        network: Bound to its cells.
        device: Where the network is.
    """

    parent: Parent
    material: Material
    network: RelationalTransformer
    device: Device

    def feed_of_split(self, split: str) -> Feed:
        """The predictions of ``train``, ``validation`` or ``test``."""
        return self.material.feed(split, self.parent.config)

    def feed_of_rows(self, entities: np.ndarray, cutoffs: np.ndarray) -> Feed:
        """Predictions whose answers nobody knows.

        Args:
            entities: Rows of the graph, int64 (n,).
            cutoffs: Seconds since 1970, int64 (n,).
        """
        material = self.material
        return Feed(
            material.graph,
            material.store,
            self.parent.config.sampler,
            TARGET_KINDS[material.dataset.spec.task.kind],
            entities,
            cutoffs,
            np.zeros(len(entities)),
        )

    def outputs(self, feed: Feed) -> np.ndarray:
        """What the network says of a feed's predictions, as :func:`inference.outputs`."""
        from amodels_assets.training.inference import AT_ONCE, outputs
        from amodels_assets.training.memory import Portions

        return outputs(self.network, feed, self.device, Portions(AT_ONCE, self.device))


def open_predictor(
    checkpoint_folder: Path,
    dataset_folder: Path,
    *,
    zero_shot: bool = False,
    device: str = "cpu",
    cache: Path | None = None,
) -> Predictor:
    """Read a checkpoint and a data set, and bind one to the other.

    Args:
        checkpoint_folder: A checkpoint, finished or of a step.
        dataset_folder: A data set.
        zero_shot: Let the data set have other columns than the checkpoint was trained on; numbers
            are then measured by the data set's own training window.
        device: As for ``device.choose_device``.
        cache: Folder for vectors of texts.

    Raises:
        CheckpointError: The checkpoint is damaged or was trained on other columns.
        DatasetError: The data set cannot be read.
    """
    from amodels_assets.training.device import choose_device
    from amodels_assets.training.session import prepare_torch

    parent = read_parent(checkpoint_folder)
    place = choose_device(device)
    prepare_torch(parent.config.threads, place)
    # Numbers are scaled as they were in training, also for a newer data set.
    scaling = None if zero_shot else parent.scaling
    material = load_material(dataset_folder, parent.config, scaling, cache=cache)
    if not zero_shot and tuple(column_names(material.dataset.spec)) != parent.columns:
        raise CheckpointError(
            f"{checkpoint_folder} was trained on other columns than {dataset_folder} has"
        )
    network = make_network(parent.config, material.store, place, parent)
    return Predictor(parent, material, network, place)
