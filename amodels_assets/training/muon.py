"""Muon: orthogonalised updates, all matrices of a shape at once.

Belongs here: the rule. Does not belong here: which weights it changes (``optimizer.py``). Imports
torch.

The update of a matrix is made orthogonal by five Newton-Schulz iterations (Keller Jordan, 2024) and
scaled to the size that AdamW's has ("Muon is Scalable for LLM Training", arXiv 2502.16982).
``torch.optim.Muon`` does the same, one matrix after the other and in bfloat16, which most CPUs do
not have: on the networks of this room that was two fifths of a training step.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_SMALLEST = 1e-7


class Muon(torch.optim.Optimizer):
    """Changes matrices; ``momentum_buffer`` is what it remembers of each."""

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002  # ty: ignore[incompatible-method-override]
        """Change every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for shape, matrices in by_shape.items():
                # As large as AdamW's usual update, whose entries are about 0.2 each.
                size = 0.2 * math.sqrt(max(shape))
                self._change(matrices, group["lr"], group["weight_decay"], size)

    def _change(self, matrices: list[Tensor], rate: float, decay: float, size: float) -> None:
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        kept = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(kept, gradients, 1 - _MOMENTUM)
        # Nesterov: the gradient as it would look one step of momentum further on.
        ahead = torch.stack(gradients).lerp(torch.stack(kept), _MOMENTUM)
        updates = orthogonal(ahead).to(ahead.dtype)
        torch._foreach_mul_(matrices, 1 - rate * decay)
        torch._foreach_add_(matrices, list(updates.unbind()), alpha=-rate * size)


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly the nearest orthogonal matrices; (matrices, rows, columns) to the same.

    Singular values come to lie between about 0.7 and 1.2. Bfloat16 on CUDA, else float32.
    """
    dtype = torch.bfloat16 if matrices.is_cuda else torch.float32
    wide = matrices.shape[-2] <= matrices.shape[-1]
    found = (matrices if wide else matrices.mT).to(dtype)
    found = found / found.norm(dim=(-2, -1), keepdim=True).clamp_min(_SMALLEST)
    first, third, fifth = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        square = found @ found.mT
        inner = torch.baddbmm(square, square, square, beta=third, alpha=fifth)
        found = torch.baddbmm(found, inner, found, beta=first)
    return found if wide else found.mT
