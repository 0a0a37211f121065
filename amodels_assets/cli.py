"""The ``amodels`` command: one subcommand per thing that a user wants done.

Subcommands live in ``commands/``; here they are only put together. Errors that a user can cause
end in one sentence and exit code 1; wrong usage in exit code 2.
"""

from __future__ import annotations

import sys

import click

from amodels_assets.artifacts import ArtifactError
from amodels_assets.commands.ask import ask
from amodels_assets.commands.catalog import catalog
from amodels_assets.commands.controlm import controlm
from amodels_assets.commands.dagster import dagster
from amodels_assets.commands.datasets import datasets
from amodels_assets.commands.events import events
from amodels_assets.commands.export import export
from amodels_assets.commands.models import models
from amodels_assets.commands.openlineage import openlineage
from amodels_assets.commands.ops import ops
from amodels_assets.commands.predict_server import predict_server
from amodels_assets.commands.privacy import privacy
from amodels_assets.commands.questions import questions
from amodels_assets.commands.release import release
from amodels_assets.commands.run import run
from amodels_assets.commands.sample import sample
from amodels_assets.commands.schemas import schemas
from amodels_assets.commands.scores import scores
from amodels_assets.commands.search import search
from amodels_assets.commands.status import status
from amodels_assets.commands.trace import trace
from amodels_assets.commands.train import train
from amodels_assets.commands.ui import ui


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="amodels")
def cli() -> None:
    """From source dumps to a released model, as Dagster assets.

    \b
    Examples:
      amodels run                                materialize everything on embedded defaults
      amodels catalog data/sgmi --out catalog    read dumps into Parquet, without Dagster
      amodels trace sgmisit.client.sector --down what is made of a column
      amodels ask                                what the knowledge graph can be asked
      amodels search balance daily               tables, views, columns and jobs by words
      amodels datasets build catalog OUT         a data set to train on, from a database
      amodels train finetune DATASET OUT         train a checkpoint, without Dagster
      amodels scores list                        language models on benchmarks, side by side
      amodels models list                        base models that trainings start from
      amodels questions show                     questions about the catalog, for language models
      amodels privacy ledger                     what all private releases add up to
      amodels sample --out sample --scale 10     write a larger synthetic source directory
      amodels status                             what was made, from what, and which checks passed
      amodels release show                       what is released and why
      amodels ops summary                        what happened, what it cost, what went wrong
      amodels predict-server                     predictions of the released checkpoint, by HTTP
    """


for command in (
    run,
    status,
    catalog,
    trace,
    ask,
    search,
    export,
    openlineage,
    controlm,
    schemas,
    events,
    sample,
    datasets,
    models,
    questions,
    privacy,
    train,
    scores,
    release,
    ops,
    predict_server,
    ui,
    dagster,
):
    cli.add_command(command)


def main() -> None:
    """Entry point of the console script."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("amodels: interrupted", err=True)
        sys.exit(130)
    except (ArtifactError, ValueError) as error:
        click.echo(f"amodels: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
