"""``amodels ops``: what happened, what went wrong, what it took, which promises were kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from amodels_assets.commands.ops_record import AS_JSON, Period, promised, record, since


@click.group()
def ops() -> None:
    """See what happened, what went wrong, what it cost and which promises were kept.

    Whatever happened since the last time is taken in first, from Dagster's event log and the
    gateway's audit log.

    \b
    Examples:
      amodels ops summary                 the last week, by kind, room and status
      amodels ops failures --since 24h    what went wrong, most often first
      amodels ops cost --since 4w         what steps used, dearest first
      amodels ops slo                     which objectives are kept
      amodels ops export --out report     all of it as a page
    """


@ops.command()
@since("7d")
@AS_JSON
def summary(since: float, as_json: bool) -> None:
    """Show how much of everything there was and what it took.

    A run, its steps and what they made are different kinds: hours are to be added up within a kind
    only. What nobody measured is left empty.

    \b
    Examples:
      amodels ops summary
      amodels ops summary --since 24h --json
    """
    from amodels_assets.operations.summary import summary as summed

    with record() as found, found.engine.begin() as connection:
        rows = summed(connection, found.now - since)
        currency = found.prices.currency
    columns = [("kind", "kind"), ("room", "room"), ("status", "status"), ("count", "count")]
    _show(rows, [*columns, *_figures(currency)], as_json=as_json)


@ops.command()
@since("7d")
@AS_JSON
def failures(since: float, as_json: bool) -> None:
    """Show what went wrong, most often first.

    Of an error only its class is kept, never its message: that is in Dagster's event log.

    \b
    Examples:
      amodels ops failures
      amodels ops failures --since 24h --json
    """
    from amodels_assets.operations.page import moment
    from amodels_assets.operations.summary import failures as failed

    with record() as found, found.engine.begin() as connection:
        rows = failed(connection, found.now - since)
    shown = [{**row, "last": "" if row["last"] is None else moment(row["last"])} for row in rows]
    names = ["kind", "name", "status", "error_class", "count", "last"]
    columns = [(name, name.replace("_", " ")) for name in names]
    _show(rows if as_json else shown, columns, as_json=as_json)


@ops.command()
@since("4w")
@AS_JSON
def cost(since: float, as_json: bool) -> None:
    """Show what steps used, dearest first.

    CPU time is measured. GPU time and energy are what a training reports. Costs and the energy of
    CPUs are known where AMODELS_PRICES declares them.

    \b
    Examples:
      amodels ops cost
      amodels ops cost --since 24h --json
    """
    from amodels_assets.operations.summary import costs

    with record() as found, found.engine.begin() as connection:
        rows = costs(connection, found.now - since)
        currency = found.prices.currency
    columns = [("room", "room"), ("name", "step"), ("count", "count")]
    _show(rows, [*columns, *_figures(currency)], as_json=as_json)


@ops.command()
@click.option(
    "--since",
    type=Period(),
    help="How far back: 24h, 7d. Default: the window of each objective.",
)
@AS_JSON
def slo(since: float | None, as_json: bool) -> None:
    """Show which objectives are kept, and how much of their error budgets is left.

    Objectives are declared in data/objectives.yaml, or where AMODELS_OBJECTIVES says.

    \b
    Examples:
      amodels ops slo
      amodels ops slo --since 24h --json
    """
    with record() as found, found.engine.begin() as connection:
        rows = [each.row() for each in promised(found, connection, since)]
    shown = [
        {
            **row,
            "target": f"{row['target']:.2%}",
            "kept": "not known" if row["kept"] is None else f"{row['kept']:.2%}",
            "budget_left": "" if row["budget_left"] is None else f"{row['budget_left']:.0%}",
        }
        for row in rows
    ]
    names = ["asset", "objective", "target", "kept", "budget_left", "burning"]
    columns = [(name, name.replace("_", " ")) for name in names]
    _show(rows if as_json else shown, columns, as_json=as_json)


@ops.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that gets operations.md and operations.html.",
)
@since("7d")
def export(out: Path, since: float) -> None:
    """Write a page with tables and pictures, as Markdown and as HTML that loads nothing.

    \b
    Examples:
      amodels ops export --out report
      amodels ops export --out report --since 4w
    """
    from amodels_assets.operations.page import as_html, as_markdown, read_figures

    with record() as found, found.engine.begin() as connection:
        rows = [each.row() for each in promised(found, connection)]
        figures = read_figures(
            connection,
            found.now - since,
            found.now,
            currency=found.prices.currency,
            objectives=rows,
        )
    text = as_markdown(figures)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in (("operations.md", text), ("operations.html", as_html(text))):
            (out / name).write_text(content, encoding="utf-8")
            click.echo(str(out / name))
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error


@ops.command()
@click.option(
    "--older-than",
    type=Period(),
    help="Default: as AMODELS_OPERATIONS_RETENTION_DAYS says, 400d.",
)
def prune(older_than: float | None) -> None:
    """Keep of old operations how many there were a day and what they took.

    The asset operations/log does it too, every time.

    \b
    Examples:
      amodels ops prune
      amodels ops prune --older-than 400d
    """
    from amodels_assets.operations.retention import prune as pruned

    with record() as found:
        seconds = older_than or found.settings.operations_retention_days * 86400.0
        count = pruned(found.engine, seconds, found.now)
    click.echo(f"{count:,} operations are kept by the day from now on")


def _figures(currency: str) -> list[tuple[str, str]]:
    return [
        ("seconds", "seconds"),
        ("cpu_seconds", "CPU seconds"),
        ("gpu_seconds", "GPU seconds"),
        ("energy_joules", "joules"),
        ("cost", f"cost {currency}".rstrip()),
    ]


def _show(
    rows: Sequence[dict[str, Any]], columns: Sequence[tuple[str, str]], *, as_json: bool
) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("Nothing.")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name, title in columns:
        figure = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(title, justify="right" if figure else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[name])) for name, _ in columns))
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=200)).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return (
        f"{value:,.2f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
