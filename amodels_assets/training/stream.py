"""Trains on what others send: one message, one optimizer step.

Belongs here: what a message may say, which messages a checkpoint covers, and when they are
acknowledged. Does not belong here: the stream's server (``resources/event_stream.py``). Imports
torch.

A message is acknowledged only when a checkpoint that its step went into is on the disk, and that
checkpoint names it: a process that is killed in between finds in its last checkpoint which of the
messages it gets again it has learned from already. So every message counts once in the weights,
unless another consumer took it over.

A message is a JSON object: either ``rows``, a list of objects with the task's entity column, its
cut-off column as an ISO date or time, and ``label``; or ``seed`` and ``size``, by which rows of the
training split are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from amodels_assets.datasets.moments import seconds_of
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.distributed import ranks_of
from amodels_assets.training.execution import Execution
from amodels_assets.training.feeds import Feed
from amodels_assets.training.material import Material, Parent, load_material, read_parent
from amodels_assets.training.session import run_training
from amodels_assets.training.tensors import TensorBatch
from amodels_assets.training.train import FineTuning
from amodels_assets.training.work import Order, Progress, TrainingError, TrainingResult


class Message(Protocol):
    """What a source gives."""

    @property
    def id(self) -> str:
        """Names it to the source."""
        ...

    @property
    def event(self) -> dict[str, Any]:
        """What was sent."""
        ...


class MessageSource(Protocol):
    """Where messages come from; ``resources.event_stream.Consumer`` is one."""

    def take(self) -> Any | None:
        """The next message; None where none came in time."""
        ...

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Never give these again; may be said of some that were acknowledged before."""
        ...

    def refuse(self, message: Any, reason: str) -> None:
        """Put one aside that cannot be used."""
        ...


class MessageError(ValueError):
    """A message cannot be trained on; the text says why."""


def train_on_stream(
    dataset_folder: Path,
    out_folder: Path,
    config: TrainingConfig,
    source: MessageSource,
    progress: Progress,
    *,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
    parent_folder: Path | None = None,
    once: bool = False,
) -> TrainingResult:
    """Train on messages until there were ``config.steps``, or go on where a process before stopped.

    Args:
        dataset_folder: The database that messages speak of, with its validation split.
        out_folder: Gets the checkpoint; its steps stay, so that a later call goes on from there.
        config: The settings; ``batch_size`` is of no account.
        source: Where messages come from.
        progress: Called with step, steps and newest figures.
        execution: How this installation runs it.
        parent_folder: A checkpoint to start from.
        once: End when no message comes in time, instead of waiting for more.

    Raises:
        DatasetError: The data set cannot be read.
        CheckpointError: The parent cannot be used.
        TrainingError: The loss is no number any more, or several processes were started.
    """
    if ranks_of().size > 1:
        raise TrainingError("a stream is trained on by one process: start it without torchrun")
    parent = read_parent(parent_folder) if parent_folder else None

    def make_work(device: Device) -> StreamTraining:
        material = load_material(dataset_folder, config, cache=execution.cache)
        return StreamTraining(material, config, device, source, parent=parent, once=once)

    # Nothing is taken ahead: a message that waits here cannot be claimed by another consumer.
    return run_training(make_work, config, out_folder, progress, replace(execution, helpers=0))


class StreamTraining(FineTuning):
    """Fine-tuning on the rows that messages name."""

    mode = "stream"
    goes_on = True

    def __init__(
        self,
        material: Material,
        config: TrainingConfig,
        device: Device,
        source: MessageSource,
        *,
        parent: Parent | None = None,
        once: bool = False,
    ) -> None:
        """Take nothing yet."""
        super().__init__(material, config, device, parent)
        self._source = source
        self._once = once
        self._learned: list[str] = []

    def orders(self, first: int) -> Iterator[Order]:
        """A step for each message that can be used; a pause where none comes."""
        step = first
        while True:
            message = self._source.take()
            if message is None:
                if self._once:
                    return
                yield Order(step, np.empty(0, np.int64))
                continue
            try:
                feed, rows = read_message(self.material, self.train, self.config, message.event)
            except MessageError as error:
                self._source.refuse(message, str(error))
                continue
            yield Order(step, rows, (message.id, feed))
            step += 1

    def batch(self, order: Order, part: slice) -> TensorBatch:
        """Contexts of a message's rows."""
        return self.tensors(order.note[1], order, part)

    def taken(self, order: Order) -> None:
        """Remember what was learned from."""
        self._learned.append(order.note[0])

    def state(self) -> dict[str, Any]:
        """The messages that count as learned from but are not acknowledged yet."""
        return {"learned": list(self._learned)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Acknowledge what the checkpoint covers: its process may not have come to it."""
        self._learned = list(state["learned"])
        self.saved()

    def saved(self) -> None:
        """Acknowledge what the checkpoint covers."""
        self._source.acknowledge(self._learned)
        self._learned = []


def read_message(
    material: Material, train: Feed, config: TrainingConfig, event: Mapping[str, Any]
) -> tuple[Feed, np.ndarray]:
    """The rows that a message names.

    Args:
        material: The database.
        train: Its training split.
        config: Bounds of a context.
        event: What was sent.

    Returns:
        Predictions, and the positions of those among them that the message is about.

    Raises:
        MessageError: It says neither kind of thing, or something of which nothing is known.
    """
    if "seed" in event:
        seed, size = event["seed"], event.get("size", config.batch_size)
        if not all(isinstance(n, int) and not isinstance(n, bool) for n in (seed, size)):
            raise MessageError("seed and size must be whole numbers")
        if seed < 0 or not 0 < size <= len(train):
            raise MessageError(f"seed must be at least 0 and size between 1 and {len(train)}")
        return train, np.random.default_rng(seed).choice(len(train), size, replace=False)
    given = event.get("rows")
    if not isinstance(given, list) or not given:
        raise MessageError("a message needs rows, or seed and size")
    table = _table(material, given)
    dataset = replace(material.dataset, tasks={**material.dataset.tasks, "train": table})
    try:
        feed = Feed.of_split(dataset, material.store, material.graph, "train", config.sampler)
    except KeyError as error:
        raise MessageError(str(error.args[0])) from None
    _check(material, feed)
    return feed, np.arange(len(feed))


def _table(material: Material, given: list[Any]) -> pa.Table:
    task, known = material.dataset.spec.task, material.dataset.tasks["train"]
    names = (task.entity_column, task.cutoff_column, "label")
    whole = pa.types.is_date(known.schema.field(task.cutoff_column).type)
    rows = []
    for row in given:
        if not isinstance(row, dict) or any(row.get(name) is None for name in names):
            raise MessageError(f"each row needs {', '.join(names)}")
        try:
            moment = datetime.fromisoformat(str(row[task.cutoff_column]))
        except ValueError:
            raise MessageError(f"{row[task.cutoff_column]!r} is no ISO date or time") from None
        if moment.tzinfo is not None:
            raise MessageError("a cut-off has a zone: give it in the source's own local time")
        cutoff = moment.date() if whole else moment
        rows.append({**{n: row[n] for n in names}, task.cutoff_column: cutoff})
    schema = pa.schema([known.schema.field(name) for name in names])
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"a row does not fit the task: {error}") from None


def _check(material: Material, feed: Feed) -> None:
    """Refuse labels that cannot be, and rows that training must not know."""
    task = material.dataset.spec.task
    if task.kind == "binary" and not np.isin(feed.labels, (0, 1)).all():
        raise MessageError("a label must be 0 or 1")
    if task.kind == "multiclass" and (feed.labels < 0).any():
        raise MessageError("a label is none of the classes that the data set knows")
    if not np.isfinite(feed.labels).all():
        raise MessageError("a label must be a finite number")
    if task.starts and (feed.cutoffs >= seconds_of(task.starts[0])).any():
        raise MessageError("a cut-off lies behind the start of validation, which judges training")
