"""What the commands of ``amodels train`` share: options, progress, refusals, the result.

Belongs here: what is the same whatever is trained. Does not belong here: a command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from amodels_assets.settings import from_environment

if TYPE_CHECKING:
    from amodels_assets.training.execution import Execution
    from amodels_assets.training.loop_config import LoopConfig
    from amodels_assets.training.work import Progress, TrainingResult

    Config = TypeVar("Config", bound=LoopConfig)

FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING = click.Path(path_type=Path, file_okay=False, exists=True)


def settings_options(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Options that all ways to train have.

    Args:
        example: Of settings, with commas between.
    """
    options = (
        click.option("--steps", type=click.IntRange(min=1), help="Optimizer steps at most."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help=f"Any setting of a training: {example}.",
        ),
        click.option("--quiet", is_flag=True, help="Show no progress."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    )

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def changed(config: Config, settings: tuple[str, ...]) -> Config:
    """A configuration with the settings of ``--set``.

    Raises:
        click.BadParameter: One is unknown or cannot have that value.
    """
    from amodels_assets.training.loop_config import ConfigError

    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r}: give NAME=VALUE", param_hint="--set")
        try:
            changes[name] = json.loads(text)
        except ValueError:
            changes[name] = text
    try:
        return config.changed(changes)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint="--set") from error


def execution() -> Execution:
    """How this installation runs a training."""
    from amodels_assets.training.execution import Execution

    settings = from_environment()
    return Execution(
        device=settings.device,
        price_per_hour=settings.gpu_price_per_hour,
        cache=settings.home / "text_vectors",
    )


def run_work(
    work: Callable[[Progress, Execution], TrainingResult],
    out: Path,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train and print what came out.

    Args:
        work: The training.
        out: Where the checkpoint goes.
        quiet: Show no progress.
        as_json: Print JSON.
    """
    from amodels_assets.training.distributed import ranks_of
    from amodels_assets.training.progress import ProgressBar

    first = ranks_of().is_first
    bar = ProgressBar(shown=first and not quiet)
    with refusals():
        try:
            result = work(bar, execution())
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
    print_figures(found, as_json=as_json)
    if not result.finished and not as_json:
        click.echo("stopped: give the same command again to go on", err=True)


@contextmanager
def refusals() -> Generator[None]:
    """What a user can put right is one sentence; the fall back to the CPU is a line."""
    from amodels_assets.training.progress import warnings_to
    from amodels_assets.training.refusals import refusals as refused

    try:
        with warnings_to(lambda text: click.echo(f"amodels: {text}", err=True)):
            yield
    except refused() as error:
        raise click.ClickException(str(error)) from error


def print_figures(found: Mapping[str, object], *, as_json: bool) -> None:
    """Print figures, one a line."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if value not in (None, [], 0.0) or name == "resumed_from":
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            click.echo(f"{name.replace('_', ' '):<20} {text}")
