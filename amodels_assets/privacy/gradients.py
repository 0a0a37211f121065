"""Gradients of a step with differential privacy: clipped unit by unit, summed, noise added.

Belongs here: what DP-SGD does between loss and optimizer (Abadi et al., arXiv 1607.00133). Does not
belong here: who takes part in a step (``private_work.py``). Imports torch; opacus where it is used.

There are two ways to the same sums. ``by_example`` lets opacus compute the gradients of all
examples of a batch in one pass; every module has to keep them apart along its first dimension.
Otherwise a batch is one unit, whatever it is made of, and is passed back alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from amodels_assets.privacy.randomness import Randomness
from amodels_assets.privacy.statement import PrivacyError


class PrivateGradients:
    """Clipped sums of what units give, with noise.

    A unit whose gradient is not finite gives nothing: one that is could undo the bound.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        clip: float,
        noise_multiplier: float,
        expected: float,
        randomness: Randomness,
        by_example: bool,
    ) -> None:
        """Make ready.

        Args:
            model: Its parameters that take gradients get them.
            clip: Largest norm of what a unit gives, over all parameters.
            noise_multiplier: Standard deviation of the noise over the clip.
            expected: Units of a step on average, by which the sum is divided: the number of those
                that really take part is not to be told.
            randomness: Of the noise.
            by_example: See above.

        Raises:
            PrivacyError: The clip is no norm, nothing is trained, or opacus refuses the model.
        """
        if not (math.isfinite(clip) and clip > 0):
            raise PrivacyError(f"clip is {clip}: give a number above 0")
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        if not self._parameters:
            raise PrivacyError("no parameter of the model takes gradients: there is no training")
        self._clip, self._noise, self._expected = clip, noise_multiplier, expected
        self._randomness = randomness
        self._by_example = by_example
        if by_example:
            _watch(model)

    def accumulate(self, loss: Callable[[], tuple[Tensor, int]]) -> tuple[Tensor, int]:
        """Add the clipped gradients of a batch's units to the gradients of the model.

        Args:
            loss: Computes the batch's losses, summed, and over how many targets they go.
        """
        before = [p.grad for p in self._parameters]
        for parameter in self._parameters:
            parameter.grad = None
        summed, count = loss()
        summed.backward()
        given = self._of_examples() if self._by_example else self._of_the_batch()
        for parameter, old, new in zip(self._parameters, before, given, strict=True):
            parameter.grad = new if old is None else old.add_(new)
        return summed.detach(), count

    def finish(self, step: int) -> None:
        """Add noise and divide by the expected number of units.

        Args:
            step: Its number; with the key it decides the noise.
        """
        for number, parameter in enumerate(self._parameters):
            drawn = self._randomness.normal(f"noise {number}", step, parameter.shape)
            noise = torch.from_numpy(drawn).to(parameter.device) * (self._noise * self._clip)
            total = noise if parameter.grad is None else parameter.grad + noise
            parameter.grad = (total / self._expected).to(parameter.dtype)

    def _of_the_batch(self) -> Iterator[Tensor]:
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        norms = torch.stack([g.norm() for g in grads])
        factor = float(self._factors(norms[:, None])[0])
        for grad in grads:
            # Not times 0, which leaves what is not finite.
            yield grad * factor if factor else torch.zeros_like(grad)

    def _of_examples(self) -> Iterator[Tensor]:
        samples = []
        for parameter in self._parameters:
            watched: Any = parameter
            samples.append(watched.grad_sample)
            watched.grad_sample = None
        count = max((len(found) for found in samples if found is not None), default=0)
        norms = [f.reshape(count, -1).norm(dim=1) for f in samples if f is not None]
        factors = self._factors(torch.stack(norms)) if norms else torch.zeros(0)
        kept = factors > 0
        for parameter, found in zip(self._parameters, samples, strict=True):
            if found is None:
                yield torch.zeros_like(parameter)
            else:
                chosen = found if bool(kept.all()) else found[kept]
                yield torch.einsum("i,i...->...", factors[kept].to(found.dtype), chosen)

    def _factors(self, norms: Tensor) -> Tensor:
        """What each unit's gradient is multiplied by.

        Args:
            norms: Of each parameter's share, shape (parameters, units).
        """
        whole = norms.double().norm(dim=0)
        factors = (self._clip / whole.clamp(min=1e-12)).clamp(max=1.0)
        return torch.where(torch.isfinite(whole), factors, torch.zeros_like(factors))


def refused(model: nn.Module) -> list[str]:
    """Names of the modules that opacus cannot take the examples' gradients of.

    They train and have buffers, which could carry something from one example to another.
    """
    from opacus.utils.module_utils import trainable_modules

    return [
        name for name, module in trainable_modules(model) if any(True for _ in module.buffers())
    ]


class ScaledEmbedding(nn.Embedding):
    """An embedding times a fixed number, which is no buffer."""

    def __init__(self, weight: Tensor, scale: float, padding: int | None) -> None:
        """Share a weight.

        Args:
            weight: Shape (entries, width).
            scale: What its rows are multiplied by.
            padding: Entry that takes no gradient.
        """
        super().__init__(*weight.shape, padding_idx=padding, _weight=weight)
        # Not a copy: it may be tied to the head.
        self.weight: Any = weight
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's own name)
        """The scaled rows of some entries."""
        return super().forward(input) * self.scale


def with_plain_embeddings(model: nn.Module) -> nn.Module:
    """Replace embeddings whose scale is a buffer, as Gemma's and VaultGemma's are.

    They compute the same and their weights keep their names, but opacus takes them.

    Args:
        model: Is changed.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            buffers = dict(child.named_buffers())
            if isinstance(child, nn.Embedding) and set(buffers) == {"embed_scale"}:
                scale = float(buffers["embed_scale"])
                setattr(module, name, ScaledEmbedding(child.weight, scale, child.padding_idx))
    return model


def _watch(model: nn.Module) -> None:
    """Let opacus see what goes through the model.

    Raises:
        PrivacyError: It refuses a module, or does so because two watch.
    """
    try:
        from opacus.grad_sample import GradSampleHooks
    except ImportError as missing:
        raise PrivacyError(
            f"{missing.name} is not installed: say `pip install 'amodels[language]'`"
        ) from missing
    if names := refused(model):
        raise PrivacyError(
            f"opacus refuses {', '.join(names)}, which is trained and has buffers: freeze it, or "
            "replace it by one without (with_plain_embeddings does it for scaled embeddings)"
        )
    # Nothing is amiss: an embedding's input takes no gradient, and sums are not in half precision.
    warnings.filterwarnings("ignore", message="Full backward hook is firing")
    warnings.filterwarnings("ignore", message="In CPU autocast, but the target dtype")
    GradSampleHooks(model, loss_reduction="sum", strict=True)
