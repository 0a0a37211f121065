"""Muon for all matrices of a shape at once, beside PyTorch's for one after the other."""

from __future__ import annotations

import torch
from torch import nn

from amodels_assets.training.muon import Muon, orthogonal

SHAPES = ((48, 48), (48, 48), (96, 48), (48, 96), (8, 1))


def matrices() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(3)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]


def test_it_changes_what_pytorchs_own_changes() -> None:
    ours, theirs = matrices(), matrices()
    start = [matrix.detach().clone() for matrix in ours]
    one = Muon(ours, lr=0.01, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    random = torch.Generator().manual_seed(4)
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=random)
            b.grad = a.grad.clone()
        one.step()
        other.step()
    for a, b, before in zip(ours, theirs, start, strict=True):
        # Theirs iterates in bfloat16, which has three digits.
        torch.testing.assert_close(a - before, b - before, atol=1e-3, rtol=5e-2)
        assert (a - before).abs().max() > 5e-3
        torch.testing.assert_close(
            one.state[a]["momentum_buffer"], other.state[b]["momentum_buffer"]
        )


def test_a_matrix_is_changed_whatever_stands_beside_it() -> None:
    together, alone = matrices(), matrices()[:1]
    for some in (together, alone):
        some[0].grad = torch.ones_like(some[0])
    together[1].grad = torch.randn(SHAPES[1])
    for some in (together, alone):
        Muon(some, lr=0.1, weight_decay=0.0).step()
    torch.testing.assert_close(together[0], alone[0])
    assert torch.equal(together[2], matrices()[2]), "without a gradient nothing changes"


def test_singular_values_come_near_to_one() -> None:
    random = torch.Generator().manual_seed(5)
    for shape in ((3, 32, 32), (2, 16, 40), (2, 40, 16)):
        found = orthogonal(torch.randn(shape, generator=random))
        values = torch.linalg.svdvals(found)
        # The smallest of a square random matrix needs more iterations.
        assert values.max() < 1.3
        assert values.median() > 0.65
    assert orthogonal(torch.zeros(1, 4, 4)).isfinite().all()
