"""The running average of the weights, which is what is judged and kept.

An exponential average forgets its beginning too slowly when training is short: here the weights
count from the first step on, divided by the sum of the factors so far, as Adam does with its
moments (Kingma and Ba, arXiv 1412.6980, section 3). Imports torch.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential average with the bias of its start taken out.

    Attributes:
        weights: The average by name, of the model's shapes; the model's own where the decay is 0.
        updates: How many steps it saw.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Begin with the weights as they are.

        Args:
            model: What is averaged; buffers that are saved are averaged as well.
            decay: Factor of what was before, 0 to 1; 0 keeps the newest weights.
        """
        self._decay = decay
        self.updates = 0
        self.weights = copied(model) if decay else trained(model)

    def update(self, model: nn.Module) -> None:
        """Count in the weights after a step."""
        self.updates += 1
        if not self._decay:
            return
        # The share of the newest weights; it is 1 at the first update.
        share = (1 - self._decay) / (1 - self._decay**self.updates)
        with torch.no_grad():
            for name, tensor in trained(model).items():
                if tensor.is_floating_point():
                    self.weights[name].lerp_(tensor, share)
                else:
                    self.weights[name].copy_(tensor)

    def load(self, weights: Mapping[str, Tensor], updates: int) -> None:
        """Take back what was saved."""
        for name, tensor in self.weights.items():
            tensor.copy_(weights[name])
        self.updates = updates

    @contextmanager
    def in_place(self, model: nn.Module) -> Generator[None]:
        """Give a model the average, and its own weights back at the end."""
        if not self._decay:
            yield
            return
        own = copied(model)
        load_trained(model, self.weights)
        try:
            yield
        finally:
            load_trained(model, own)


def trained(model: nn.Module) -> dict[str, Tensor]:
    """What training changes of a model, by name: its state without frozen and tied parameters.

    The tensors are the model's own, without gradients.
    """
    every = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    changing = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in changing or name not in every
    }


def load_trained(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model what :func:`trained` or a copy of it holds.

    Raises:
        KeyError: Something is missing.
    """
    for name, tensor in trained(model).items():
        tensor.copy_(tensors[name])


def arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Tensors as NumPy has them; on the CPU they share their memory."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def copied(model: nn.Module) -> dict[str, Tensor]:
    """Copies of everything that training changes of a model."""
    return {name: tensor.clone() for name, tensor in trained(model).items()}
