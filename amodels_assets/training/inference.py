"""What a network says of the rows of a task, and how wrong it is.

Belongs here: predictions in batches, and the figures by which training is steered. Does not belong
here: intervals and comparisons (``evaluation``). Imports torch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from amodels_assets.training.batch import BOOLEAN, CATEGORICAL
from amodels_assets.training.device import Device
from amodels_assets.training.feeds import Feed
from amodels_assets.training.memory import Portions
from amodels_assets.training.network import RelationalTransformer
from amodels_assets.training.prefetch import prepared
from amodels_assets.training.ranking import auroc
from amodels_assets.training.tensors import TensorBatch, to_tensors
from amodels_assets.training.work import Look

# Contexts that are predicted at once, memory allowing.
AT_ONCE = 64


def outputs(
    network: RelationalTransformer, feed: Feed, device: Device, portions: Portions
) -> np.ndarray:
    """What a network says of every prediction of a feed, in its order.

    Args:
        network: Bound to the feed's database.
        feed: The predictions.
        device: Where the network is.
        portions: How many contexts are computed at once.

    Returns:
        Logits (n,) of a truth value, scores (n, categories) before the softmax, or standardised
        numbers (n,); float64.
    """
    return portions.attempt(lambda size: _outputs(network.eval(), feed, device, size))


def _outputs(network: RelationalTransformer, feed: Feed, device: Device, size: int) -> np.ndarray:
    column = feed.store.target_column

    def batch(start: int) -> TensorBatch:
        rows = np.arange(start, min(start + size, len(feed)))
        return to_tensors(feed.batch(rows), network.config, device.name)

    found = []
    with torch.inference_mode():
        for tensors in prepared(batch, range(0, len(feed), size), threads=1):
            with device.autocast():
                said = network.scores(network(tensors), feed.kind, column)
            found.append(said.double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


def predictions(said: np.ndarray, feed: Feed) -> np.ndarray:
    """Outputs as people read them.

    Returns:
        Probability of the label being 1 (n,), of each category (n, categories), or the number in
        its own unit (n,).
    """
    if feed.kind == BOOLEAN:
        return 1.0 / (1.0 + np.exp(-said))
    if feed.kind == CATEGORICAL:
        return torch.from_numpy(said).softmax(-1).numpy()
    mean, deviation = feed.store.scales[feed.store.target_column]
    return said * deviation + mean


def judged(said: np.ndarray, feed: Feed) -> Look:
    """How wrong outputs are: loss and AUROC, accuracy or R², by the kind of task."""
    labels = feed.labels
    if feed.kind == BOOLEAN:
        loss = float(np.mean(np.logaddexp(0.0, said) - labels * said))
        if len(np.unique(labels)) < 2:
            # Nothing can be ranked; the loss is all there is.
            return Look(loss, -loss, {"validation_loss": loss})
        score = auroc(labels, said)
        return Look(loss, score, {"validation_loss": loss, "validation_auroc": score})
    if feed.kind == CATEGORICAL:
        known = labels >= 0
        scores, classes = torch.from_numpy(said[known]), torch.from_numpy(labels[known]).long()
        loss = float(functional.cross_entropy(scores, classes)) if known.any() else 0.0
        # A class that training never saw cannot be named.
        score = float((said.argmax(axis=1) == labels).mean())
        return Look(loss, score, {"validation_loss": loss, "validation_accuracy": score})
    loss = float(functional.huber_loss(torch.from_numpy(said), torch.from_numpy(labels)))
    spread = float(((labels - labels.mean()) ** 2).sum())
    score = 1.0 - float(((said - labels) ** 2).sum()) / spread if spread else -loss
    deviation = feed.store.scales[feed.store.target_column][1]
    error = float(np.abs(said - labels).mean() * deviation)
    return Look(
        loss, score, {"validation_loss": loss, "validation_r2": score, "validation_mae": error}
    )
