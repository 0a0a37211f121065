"""``amodels train``: checkpoints of the Relational Transformer, without Dagster.

Belongs here: its commands, and the group. Does not belong here: what all trainings share
(``training.py``), the command for language models (``train_language.py``).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amodels_assets.commands.train_language import language, merge
from amodels_assets.commands.training import (
    EXISTING,
    FOLDER,
    changed,
    execution,
    print_figures,
    refusals,
    run_work,
    settings_options,
)
from amodels_assets.settings import REDIS

if TYPE_CHECKING:
    from amodels_assets.training.config import TrainingConfig


@click.group()
def train() -> None:
    """Train and try checkpoints on any data set's folder, or a language model on questions.

    A training that was stopped or killed goes on from its last step when the same command is given
    again. It stops by Ctrl-C or SIGTERM after saving where it is.

    \b
    Examples:
      amodels train finetune var/dataset checkpoint          train on the data set's task
      amodels train pretrain var/dataset pretrained          learn to tell hidden cells
      amodels train finetune var/dataset checkpoint --parent pretrained
      amodels train evaluate checkpoint var/dataset          score the test split
      amodels train stream var/dataset checkpoint --stream labels --group trainers
      amodels train language var/questions tuned             fine-tune a language model
      amodels train merge tuned served                       its adapter merged, for servers
    """


train.add_command(language)
train.add_command(merge)


_settings = settings_options("learning_rate=0.01, model.blocks=4, sampler.width=16")


@train.command()
@click.argument("dataset", type=EXISTING)
@click.argument("out", type=FOLDER)
@click.option("--parent", type=EXISTING, help="Checkpoint to start from, pretrained say.")
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

    config = _config(steps, settings, parent)
    run_work(
        lambda progress, execution: train_on_task(
            dataset, out, config, progress, execution, parent_folder=parent
        ),
        out,
        quiet=quiet,
        as_json=as_json,
    )


@train.command()
@click.argument("dataset", type=EXISTING)
@click.argument("out", type=FOLDER)
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

    config = _config(steps, settings, None)
    run_work(
        lambda progress, execution: pretrain_on(dataset, out, config, progress, execution),
        out,
        quiet=quiet,
        as_json=as_json,
    )


@train.command()
@click.argument("checkpoint", type=EXISTING)
@click.argument("dataset", type=EXISTING)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option(
    "--zero-shot", is_flag=True, help="The data set may have other columns than training had."
)
@click.option("--out", type=FOLDER, help="Folder that gets every prediction, scores.parquet.")
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
    with refusals():
        settings = execution()
        table, figures = judged_split(
            checkpoint,
            dataset,
            split,
            zero_shot=zero_shot,
            device=settings.device,
            cache=settings.cache,
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_table(out, "scores", table)
    print_figures({"split": split, "n": table.num_rows, **figures}, as_json=as_json)


@train.command()
@click.argument("dataset", type=EXISTING)
@click.argument("out", type=FOLDER)
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
@click.option("--parent", type=EXISTING, help="Checkpoint to start from.")
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

    config = _config(steps, settings, parent)
    url = os.environ.get(REDIS)
    if not url:
        raise click.ClickException(f"there is no stream: set {REDIS} to a Redis or Valkey server")
    # The same after a restart, so that what was taken and not acknowledged comes back.
    own_name = consumer or f"{socket.gethostname()}:{out.absolute()}"
    try:
        with EventStreamResource(redis_url=url).stream(name) as messages:
            source = Consumer(messages, group, own_name, stalled_after_seconds=stalled_after)
            run_work(
                lambda progress, execution: train_on_stream(
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

    config = TrainingConfig.for_steps(steps or 0)
    try:
        if parent is not None:
            given = read_parent(parent).config
            config = config.changed({"encoder": given.encoder})
            shape = given.to_json()["model"]
            config = config.changed({f"model.{name}": value for name, value in shape.items()})
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--set") from error
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error
    return changed(config, settings)
