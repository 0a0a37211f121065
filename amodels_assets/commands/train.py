"""``amodels train``: checkpoints of the Relational Transformer, without Dagster."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amodels_assets.settings import REDIS, from_environment

if TYPE_CHECKING:
    from amodels_assets.training.config import TrainingConfig
    from amodels_assets.training.execution import Execution
    from amodels_assets.training.work import Progress, TrainingResult

_FOLDER = click.Path(path_type=Path, file_okay=False)
_EXISTING = click.Path(path_type=Path, file_okay=False, exists=True)


@click.group()
def train() -> None:
    """Train and try checkpoints on any data set's folder.

    A training that was stopped or killed goes on from its last step when the same command is given
    again. It stops by Ctrl-C or SIGTERM after saving where it is.

    \b
    Examples:
      amodels train finetune var/dataset checkpoint          train on the data set's task
      amodels train pretrain var/dataset pretrained          learn to tell hidden cells
      amodels train finetune var/dataset checkpoint --parent pretrained
      amodels train evaluate checkpoint var/dataset          score the test split
      amodels train stream var/dataset checkpoint --stream labels --group trainers
    """


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """Options that all ways to train share."""
    options = (
        click.option("--steps", type=click.IntRange(min=1), help="Optimizer steps at most."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Any setting of a training: learning_rate=0.01, model.blocks=4, sampler.width=16.",
        ),
        click.option("--quiet", is_flag=True, help="Show no progress."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@train.command()
@click.argument("dataset", type=_EXISTING)
@click.argument("out", type=_FOLDER)
@click.option("--parent", type=_EXISTING, help="Checkpoint to start from, pretrained say.")
@_settings
def finetune(
    *,
    dataset: Path,
    out: Path,
    parent: Path | None,
    steps: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Train on the task of the data set in DATASET; the checkpoint goes to OUT.

    With torchrun several processes train together, a GPU each.

    \b
    Examples:
      amodels train finetune var/dataset checkpoint --steps 400
      amodels train finetune var/dataset checkpoint --set optimizer=muon --set model.width=96
      AMODELS_DEVICE=cpu torchrun --nproc-per-node 2 -m amodels_assets.cli train finetune data out
    """
    from amodels_assets.training.train import train as train_on_task

    _run(
        lambda config, progress, execution: train_on_task(
            dataset, out, config, progress, execution, parent_folder=parent
        ),
        out,
        _config(steps, settings, parent),
        quiet=quiet,
        as_json=as_json,
    )


@train.command()
@click.argument("dataset", type=_EXISTING)
@click.argument("out", type=_FOLDER)
@_settings
def pretrain(
    *,
    dataset: Path,
    out: Path,
    steps: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Learn to tell hidden cells of all tables in DATASET; the checkpoint goes to OUT.

    \b
    Examples:
      amodels train pretrain var/dataset pretrained --steps 2000
      amodels train pretrain var/dataset pretrained --set masked=0.3 --set encoder=sentence
    """
    from amodels_assets.training.pretrain import pretrain as pretrain_on

    _run(
        lambda config, progress, execution: pretrain_on(dataset, out, config, progress, execution),
        out,
        _config(steps, settings, None),
        quiet=quiet,
        as_json=as_json,
    )


@train.command()
@click.argument("checkpoint", type=_EXISTING)
@click.argument("dataset", type=_EXISTING)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option(
    "--zero-shot", is_flag=True, help="The data set may have other columns than training had."
)
@click.option("--out", type=_FOLDER, help="Folder that gets every prediction, scores.parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(
    *, checkpoint: Path, dataset: Path, split: str, zero_shot: bool, out: Path | None, as_json: bool
) -> None:
    """Score CHECKPOINT on a split of DATASET, trained on its task or not.

    \b
    Examples:
      amodels train evaluate checkpoint var/dataset
      amodels train evaluate pretrained var/other --zero-shot --out predictions --json
    """
    from amodels_assets.artifacts import write_table
    from amodels_assets.datasets.relational import SPLITS
    from amodels_assets.training.predict import judged_split

    if split not in SPLITS:
        raise click.BadParameter(f"give one of {', '.join(SPLITS)}", param_hint="--split")
    with _refusals():
        execution = _execution()
        table, figures = judged_split(
            checkpoint,
            dataset,
            split,
            zero_shot=zero_shot,
            device=execution.device,
            cache=execution.cache,
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_table(out, "scores", table)
    _print({"split": split, "n": table.num_rows, **figures}, as_json=as_json)


@train.command()
@click.argument("dataset", type=_EXISTING)
@click.argument("out", type=_FOLDER)
@click.option("--stream", "name", required=True, help="Key of the Redis stream.")
@click.option("--group", default="trainers", show_default=True, help="Group of consumers.")
@click.option("--consumer", default="", help="Name of this one; default: host and folder.")
@click.option("--once", is_flag=True, help="End when there are no more messages.")
@click.option(
    "--stalled-after",
    default=60.0,
    show_default=True,
    help="Seconds after which messages are taken from a consumer that gives no sign.",
)
@click.option("--parent", type=_EXISTING, help="Checkpoint to start from.")
@_settings
def stream(
    *,
    dataset: Path,
    out: Path,
    name: str,
    group: str,
    consumer: str,
    once: bool,
    stalled_after: float,
    parent: Path | None,
    steps: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Train on messages of a Redis stream (AMODELS_REDIS_URL), a step each.

    A message has rows of the task with their labels, or a seed by which rows are drawn. It is
    acknowledged when a checkpoint that knows it is on the disk; one that cannot be used goes to the
    stream NAME:refused with the reason.

    \b
    Examples:
      amodels train stream var/dataset checkpoint --stream labels --once
      amodels train stream var/dataset checkpoint --stream labels --set schedule=constant
    """
    from amodels_assets.training.stream import train_on_stream
    from resources.event_stream import Consumer, EventStreamResource
    from resources.redis_client import RedisUnavailableError

    url = os.environ.get(REDIS)
    if not url:
        raise click.ClickException(f"there is no stream: set {REDIS} to a Redis or Valkey server")
    # The same after a restart, so that what was taken and not acknowledged comes back.
    own_name = consumer or f"{socket.gethostname()}:{out.absolute()}"
    try:
        with EventStreamResource(redis_url=url).stream(name) as messages:
            source = Consumer(messages, group, own_name, stalled_after_seconds=stalled_after)
            _run(
                lambda config, progress, execution: train_on_stream(
                    dataset,
                    out,
                    config,
                    source,
                    progress,
                    execution=execution,
                    parent_folder=parent,
                    once=once,
                ),
                out,
                _config(steps, settings, parent),
                quiet=quiet,
                as_json=as_json,
            )
    except RedisUnavailableError as error:
        raise click.ClickException(str(error)) from error


def _config(steps: int | None, settings: tuple[str, ...], parent: Path | None) -> TrainingConfig:
    """The settings of a run; a parent's network and encoder are taken over."""
    from amodels_assets.training.checkpoint import CheckpointError
    from amodels_assets.training.config import ConfigError, TrainingConfig
    from amodels_assets.training.material import read_parent

    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r}: give NAME=VALUE", param_hint="--set")
        try:
            changes[name] = json.loads(text)
        except ValueError:
            changes[name] = text
    config = TrainingConfig.for_steps(steps or 0)
    try:
        if parent is not None:
            given = read_parent(parent).config
            config = config.changed({"encoder": given.encoder})
            shape = given.to_json()["model"]
            config = config.changed({f"model.{name}": value for name, value in shape.items()})
        return config.changed(changes)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--set") from error
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error


def _execution() -> Execution:
    from amodels_assets.training.execution import Execution

    settings = from_environment()
    return Execution(
        device=settings.device,
        price_per_hour=settings.gpu_price_per_hour,
        cache=settings.home / "text_vectors",
    )


def _run(
    work: Callable[[TrainingConfig, Progress, Execution], TrainingResult],
    out: Path,
    config: TrainingConfig,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    from amodels_assets.training.distributed import ranks_of
    from amodels_assets.training.progress import ProgressBar

    first = ranks_of().is_first
    bar = ProgressBar(shown=first and not quiet)
    with _refusals():
        try:
            result = work(config, bar, _execution())
        finally:
            bar.close()
    if not first:
        return
    found = {
        "finished": result.finished,
        "steps": result.steps,
        "best_step": result.best_step,
        "resumed_from": result.resumed_from,
        **result.figures,
        "refused_checkpoints": list(result.refused_checkpoints),
        "contexts_at_once": result.micro_batch,
        **result.usage.to_json(),
        "out": str(out),
    }
    _print(found, as_json=as_json)
    if not result.finished and not as_json:
        click.echo("stopped: give the same command again to go on", err=True)


@contextmanager
def _refusals() -> Generator[None]:
    """What a user can put right is one sentence; the fall back to the CPU is a line."""
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.text_vectors import TextEncoderError
    from amodels_assets.training.checkpoint import CheckpointError
    from amodels_assets.training.device import DeviceError
    from amodels_assets.training.memory import OutOfMemoryError
    from amodels_assets.training.progress import warnings_to
    from amodels_assets.training.work import TrainingError

    try:
        with warnings_to(lambda text: click.echo(f"amodels: {text}", err=True)):
            yield
    except (
        CheckpointError,
        DatasetError,
        DeviceError,
        OutOfMemoryError,
        TextEncoderError,
        TrainingError,
    ) as error:
        raise click.ClickException(str(error)) from error


def _print(found: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if value not in (None, [], 0.0) or name == "resumed_from":
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            click.echo(f"{name.replace('_', ' '):<20} {text}")
