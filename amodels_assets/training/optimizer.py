"""Optimizers and the learning rate over the steps.

Belongs here: which weights are changed by which rule, at which rate. Does not belong here: the loop
(``loop.py``) and Muon's rule (``muon.py``), whose step has the size of AdamW's, so that both share
one learning rate and one weight decay. Imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from amodels_assets.training.loop_config import LoopConfig
from amodels_assets.training.muon import Muon

_BETAS = (0.9, 0.98)


class Optimizers:
    """One optimizer, or Muon for the hidden matrices and AdamW for everything else.

    Attributes:
        members: What takes the steps.
    """

    def __init__(self, model: nn.Module, config: LoopConfig) -> None:
        """Sort the weights of a model.

        Args:
            model: Its parameters are changed.
            config: Names the optimizer, its rate and its decay.
        """
        self._names: dict[Tensor, str] = {p: name for name, p in model.named_parameters()}
        hidden, decaying, free = sorted_parameters(model)
        rate, decay = config.learning_rate, config.weight_decay
        self.members: list[torch.optim.Optimizer] = []
        if config.optimizer == "muon" and hidden:
            self.members.append(Muon(hidden, rate, decay))
        else:
            decaying = [*hidden, *decaying]
        named = ({"params": decaying, "weight_decay": decay}, {"params": free, "weight_decay": 0.0})
        if groups := [group for group in named if group["params"]]:
            self.members.append(torch.optim.AdamW(groups, lr=rate, betas=_BETAS, fused=True))

    def step(self, rate: float) -> None:
        """Change the weights along their gradients, and forget the gradients."""
        for member in self.members:
            for group in member.param_groups:
                group["lr"] = rate
            member.step()
        self.zero_grad()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for member in self.members:
            member.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """What the optimizers remember, by ``<weight>|<what>``; not copied."""
        return dict(self._remembered())

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`tensors` gave.

        Raises:
            KeyError: It belongs to a weight that is not here.
        """
        by_name = {name: parameter for parameter, name in self._names.items()}
        owners = {p: m for m in self.members for g in m.param_groups for p in g["params"]}
        for member in self.members:
            member.state.clear()
        for key, tensor in tensors.items():
            name, _, what = key.rpartition("|")
            parameter = by_name[name]
            owners[parameter].state[parameter][what] = tensor.to(parameter.device, copy=True)

    def _remembered(self) -> Iterator[tuple[str, Tensor]]:
        for member in self.members:
            for parameter, state in member.state.items():
                for what, tensor in state.items():
                    yield f"{self._names[parameter]}|{what}", tensor


def sorted_parameters(
    model: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Hidden matrices, other weights that decay, and weights that do not; no frozen ones.

    Hidden are the matrices inside the blocks. Embeddings, norms, biases and scales do not decay.
    """
    spared = {
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding | nn.RMSNorm | nn.LayerNorm)
        for parameter in module.parameters(recurse=False)
    }
    hidden, decaying, free = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim < 2 or parameter in spared:
            free.append(parameter)
        elif parameter.ndim == 2 and "blocks." in name:
            hidden.append(parameter)
        else:
            decaying.append(parameter)
    return hidden, decaying, free


def learning_rate(config: LoopConfig, step: int) -> float:
    """The rate of a step: up in a straight line, then as the schedule says."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
