"""Steps on each token whose backward is written by hand.

Belongs here: functions that are the sum of several of PyTorch's on large tensors. Autograd would
walk the memory once per step and direction, which on a CPU costs as much as the projections around
it; these keep what the backward needs and take about a quarter of that. Does not belong here:
anything with weights. Imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPSILON = 1e-6


def unit(values: Tensor) -> Tensor:
    """Values with a root mean square of 1 over the last dimension, as RMSNorm without weights."""
    return _Unit.apply(values)


def gated(gate: Tensor, values: Tensor) -> Tensor:
    """``2 · sigmoid(gate) · values``: a gate of 0 lets through what there is."""
    return _Gated.apply(gate, values)


def swish_gated(gate: Tensor, values: Tensor) -> Tensor:
    """``gate · sigmoid(gate) · values`` (SwiGLU: Shazeer, arXiv 2002.05202)."""
    return _SwishGated.apply(gate, values)


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        precise = torch.promote_types(values.dtype, torch.float32)
        length = torch.linalg.vector_norm(values, dim=-1, keepdim=True, dtype=precise)
        scale = length.square_().div_(values.shape[-1]).add_(EPSILON).rsqrt_()
        normed = (values * scale).to(values.dtype)
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        normed, scale = ctx.saved_tensors
        along = torch.linalg.vecdot(gradient, normed).unsqueeze(-1)
        found = torch.addcmul(gradient, normed, along, value=-1 / normed.shape[-1])
        return found.mul_(scale)


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, values: Tensor) -> Tensor:
        passed = torch.sigmoid(gate).mul_(2)
        ctx.save_for_backward(passed, values)
        return passed * values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        passed, values = ctx.saved_tensors
        to_values = gradient * passed
        slope = (passed * -0.5).add_(1)
        return slope.mul_(values).mul_(to_values), to_values


class _SwishGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, values: Tensor) -> Tensor:
        share = torch.sigmoid(gate)
        swish = gate * share
        ctx.save_for_backward(share, swish, values)
        return swish * values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        share, swish, values = ctx.saved_tensors
        slope = torch.addcmul(share, swish, 1 - share)
        return slope.mul_(values).mul_(gradient), gradient * swish
