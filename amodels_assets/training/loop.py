"""The training loop: the one place in which steps are taken, looked at, saved and resumed.

Belongs here: what all ways to train have in common. Does not belong here: what a step is about and
how its loss is computed (``work.py``). Imports torch.

Everything random of a step is derived from the seed and the step's number, so a run that was killed
and went on has the very same weights as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from amodels_assets.training.average import WeightAverage, arrays, load_trained, trained
from amodels_assets.training.checkpoint import (
    METRICS_FILE,
    Resume,
    Step,
    latest_step,
    library_versions,
    remove_steps,
    save_step,
)
from amodels_assets.training.device import Device, report
from amodels_assets.training.distributed import Ranks, sum_gradients
from amodels_assets.training.memory import Portions, largest_fit, peak_memory
from amodels_assets.training.meter import Meter, Usage
from amodels_assets.training.metrics_file import MetricsFile
from amodels_assets.training.optimizer import Optimizers, learning_rate
from amodels_assets.training.prefetch import prepared
from amodels_assets.training.work import (
    Gradients,
    Metrics,
    Order,
    Progress,
    TrainingError,
    TrainingResult,
    Work,
)


@dataclass
class _Best:
    """The weights that are kept."""

    weights: dict[str, Tensor]
    worth: float = -math.inf
    step: int = 0
    figures: Metrics = field(default_factory=dict)


@dataclass(frozen=True)
class _Prepared:
    """Batches of one step, in micro-batches of one size."""

    order: Order
    size: int
    batches: list[Any]


class Loop:
    """State of a run between two steps, and how it goes from one to the next.

    Attributes:
        step: Steps taken.
    """

    def __init__(self, work: Work, device: Device, ranks: Ranks, meter: Meter) -> None:
        """Stand before the first step.

        Args:
            work: What is trained; its model is on the device.
            device: What this process computes on.
            ranks: This process among those that train together.
            meter: Counts what is used.
        """
        self.step = 0
        self._work, self._device, self._ranks, self._meter = work, device, ranks, meter
        self._own: Gradients | None = getattr(work, "gradients", None)
        self._config = work.config
        self._optimizers = Optimizers(work.model, self._config)
        self._average = WeightAverage(work.model, self._config.average)
        self._best = _Best(_cloned(self._average.weights))
        self._waits = self._looked = self._saved = 0
        self._losses: list[float] = []
        self._metrics: list[Metrics] = []
        share = -(-self._config.batch_size // ranks.size)
        self._portions = Portions(min(self._config.micro_batch or share, share), device)

    def run(
        self,
        folder: Path,
        progress: Progress,
        *,
        stop: Callable[[], bool] = lambda: False,
        helpers: int = 1,
    ) -> TrainingResult:
        """Train to the end, or go on where a run before stopped, and write the checkpoint.

        Args:
            folder: Gets the finished checkpoint; holds the steps to resume from in the meantime.
            progress: Called with step, steps and newest figures.
            stop: Asked after each step; a run that is to stop saves where it is.
            helpers: Threads that prepare batches.

        Raises:
            TrainingError: The loss is no number any more, or the folder holds another training.
            OutOfMemoryError: Not even one context fits.
        """
        config, resume = self._config, self._resume(folder)
        start = self.step
        file = MetricsFile(folder / METRICS_FILE, self._metrics) if self._ranks.is_first else None
        asked = False
        for ready in prepared(self._prepare, self._orders(), threads=helpers):
            if not len(ready.order.rows) and self._own is None:
                asked = stop()
                self._save(folder)
                if asked:
                    break
                continue
            asked = self._advance(ready, stop=stop())
            due = self.step % config.evaluate_every == 0 or self.step == config.steps
            better = due and self._look()
            if file is not None:
                file.extend(self._metrics)
            if better or asked or self.step % config.checkpoint_every == 0:
                self._save(folder)
            progress(self.step, config.steps, self._metrics[-1] if self._metrics else {})
            if asked or self._waits > config.patience:
                break
        if not asked:
            if self._looked != self.step:
                self._look()
            if file is not None:
                file.extend(self._metrics)
            self._finish(folder)
        return TrainingResult(
            steps=self.step,
            best_step=self._best.step,
            figures=self._best.figures,
            finished=not asked,
            resumed_from=start,
            refused_checkpoints=tuple(resume.refused),
            micro_batch=self._portions.size,
            usage=self._meter.read(),
        )

    def gradients(self, order: Order) -> float:
        """Leave the gradients of a step's mean loss in the model; the loss.

        They are those of the whole batch, over all micro-batches and processes.
        """
        loss, _ = self._gradients(_Prepared(order, 0, []), stop=False)
        return loss

    def _orders(self) -> Iterator[Order]:
        if self._waits > self._config.patience or self.step >= self._config.steps:
            return iter(())
        orders = self._work.orders(self.step)
        return takewhile(lambda order: order.step < self._config.steps, orders)

    def _prepare(self, order: Order, size: int = 0) -> _Prepared:
        """Batches of this process's share of a step."""
        size = size or self._portions.size
        share = self._ranks.share(len(order.rows))
        starts = range(share.start, share.stop, size)
        parts = [slice(start, min(start + size, share.stop)) for start in starts]
        return _Prepared(order, size, [self._work.batch(order, part) for part in parts])

    def _advance(self, ready: _Prepared, *, stop: bool) -> bool:
        """Take one step; whether any of the processes was asked to stop."""
        loss, asked = self._gradients(ready, stop=stop)
        clip = self._config.clip if self._own is None else math.inf
        norm = nn.utils.clip_grad_norm_(self._work.model.parameters(), clip)
        rate = learning_rate(self._config, self.step)
        self._optimizers.step(rate)
        self.step += 1
        # Own gradients see to it themselves: a single example must not end a private training.
        if self._own is None and not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} at step {self.step}: lower the learning rate")
        self._average.update(self._work.model)
        self._work.taken(ready.order)
        self._losses += [loss] if self._own is None else []
        if self.step % self._config.loss_every == 0:
            mean = {"loss": sum(self._losses) / len(self._losses)} if self._losses else {}
            figures = {"learning_rate": rate, "gradient_norm": float(norm)}
            self._metrics.append({"step": self.step, **mean, **figures})
            self._losses = []
        return asked

    def _gradients(self, ready: _Prepared, *, stop: bool) -> tuple[float, bool]:
        measured = self._config.micro_batch or self.step or not len(ready.order.rows)
        if self._device.is_cuda and not measured:
            self._find_portion(ready.order)
        model = self._work.model.train()
        loss, count = self._portions.attempt(lambda size: self._accumulate(ready, size))
        total, targets, asked = sum_gradients(self._ranks, model, [loss, count, stop])
        if self._own is not None:
            self._own.finish(ready.order.step)
            return total / max(1.0, targets), asked > 0
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(max(1.0, targets))
        return total / max(1.0, targets), asked > 0

    def _accumulate(self, ready: _Prepared, size: int) -> tuple[float, int]:
        """Sum up the gradients of this process's share; sum of the losses and their number."""
        if size != ready.size:
            ready = self._prepare(ready.order, size)
        self._optimizers.zero_grad()
        rng = np.random.default_rng([self._config.seed, 1, ready.order.step, self._ranks.rank])
        torch.manual_seed(int(rng.integers(2**62)))
        loss, count = torch.zeros((), device=self._device.name), 0
        for batch in ready.batches:
            part, targets = self._backward(batch)
            loss += part
            count += targets
        return float(loss), count

    def _backward(self, batch: Any) -> tuple[Tensor, int]:
        def forward() -> tuple[Tensor, int]:
            with self._device.autocast():
                return self._work.loss(batch)

        if self._own is not None:
            return self._own.accumulate(forward)
        loss, targets = forward()
        loss.backward()
        return loss.detach(), targets

    def _find_portion(self, order: Order) -> None:
        """Let the first batch say how many contexts fit into the device's memory."""

        def peak(rows: int) -> int:
            few = Order(order.step, order.rows[:rows], order.note)
            return peak_memory(self._device, lambda: self._accumulate(_Prepared(few, 0, []), rows))

        free = report(self._device).free_bytes or 0
        most = min(self._portions.size, len(order.rows))
        self._portions.size = largest_fit(peak, most, free)
        self._optimizers.zero_grad()

    def _look(self) -> bool:
        """Judge the averaged weights and keep them where they are the best; whether they are."""
        with self._average.in_place(self._work.model):
            look = self._work.look() if self._ranks.is_first else None
        look = self._ranks.all(look)[0]
        self._looked = self.step
        self._metrics.append({"step": self.step, **look.figures})
        worth = look.score if self._config.judge == "score" else -look.loss
        self._waits += 1
        if not worth > self._best.worth:
            return False
        weights = _cloned(self._average.weights)
        self._best = _Best(weights, worth, self.step, dict(look.figures))
        self._waits = 0
        return True

    def _manifest(self) -> dict[str, Any]:
        return {
            "architecture": self._work.architecture,
            "mode": self._work.mode,
            "training": self._config.to_json(),
            **self._work.manifest(),
            "seed": self._config.seed,
            "step": self.step,
            "libraries": library_versions(self._work.libraries),
            "usage": self._meter.read().to_json(),
        }

    def _save(self, folder: Path) -> None:
        """Keep everything that is needed to go on from here."""
        if self._saved == self.step:
            return
        if self._ranks.is_first:
            best = self._best
            tensors = {f"optimizer.{n}": t for n, t in self._optimizers.tensors().items()}
            # What would be the same as the average, or as at the start, is not written again.
            if self._config.average:
                tensors |= {f"weights.{n}": t for n, t in trained(self._work.model).items()}
            if best.worth != -math.inf and best.step != self.step:
                tensors |= {f"best.{name}": tensor for name, tensor in best.weights.items()}
            state = {
                "best": [None if best.worth == -math.inf else best.worth, best.step, best.figures],
                "waits": self._waits,
                "looked": self._looked,
                "metrics": self._metrics,
                "losses": self._losses,
                "updates": self._average.updates,
                "portion": self._portions.size,
                # All that is random or goes with the step follows from these two.
                "random": {"seed": self._config.seed, "step": self.step},
                "work": self._work.state(),
            }
            step = Step(
                self.step,
                arrays(self._average.weights),
                arrays(tensors),
                {**self._manifest(), "state": state},
            )
            save_step(folder, step, keep=self._config.keep, best=best.step)
        self._saved = self.step
        self._work.saved()

    def _resume(self, folder: Path) -> Resume:
        resume = latest_step(folder)
        if resume.step is None:
            return resume
        config, own = resume.step.config, json.loads(json.dumps(self._manifest()))
        for what in ("mode", "training", "data_versions", "parent", "privacy"):
            if config.get(what) != own.get(what):
                raise TrainingError(
                    f"{folder} holds the steps of a training with another {what}: "
                    "give another folder, or delete that one"
                )
        self.step = self._saved = resume.step.number
        state = config["state"]
        average = _group(resume.step.tensors, "")
        load_trained(self._work.model, _group(resume.step.state, "weights.") or average)
        self._average.load(average, state["updates"])
        self._optimizers.load(_group(resume.step.state, "optimizer."))
        worth, number, figures = state["best"]
        if worth is not None:
            kept = _group(resume.step.state, "best.") or average
            for name, tensor in self._best.weights.items():
                tensor.copy_(kept[name])
            self._best = _Best(self._best.weights, worth, number, figures)
        self._waits, self._looked = state["waits"], state["looked"]
        self._metrics, self._losses = state["metrics"], state["losses"]
        self._portions.size = state["portion"]
        self._meter.add(Usage(**config["usage"]))
        self._work.restore(state["work"])
        return resume

    def _finish(self, folder: Path) -> None:
        """Write the kept weights as a checkpoint of their own."""
        if self._ranks.is_first:
            if self._work.goes_on:
                self._save(folder)
            result = {"steps": self.step, "best_step": self._best.step, **self._best.figures}
            manifest = {**self._manifest(), "result": result}
            self._work.write(folder, self._best.weights, manifest)
            if not self._work.goes_on:
                remove_steps(folder)
        self._ranks.wait()


def _cloned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _group(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array.copy())
        for name, array in tensors.items()
        if name.startswith(prefix)
    }
