"""``amodels trace``: where a column comes from, or what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from amodels_assets.commands.made_catalog import CATALOG_OPTION, read_catalog


@click.command()
@click.argument("name", metavar="DATABASE.TABLE[.COLUMN]")
@click.option("--up/--down", default=True, help="To its sources (default), or to what reads it.")
@click.option("--dot", "form", flag_value="dot", help="Print a Graphviz graph.")
@click.option("--json", "form", flag_value="json", help="Print columns, edges and jobs as JSON.")
@click.option("--depth", type=click.IntRange(min=1), help="Most steps to follow.")
@click.option("--direct-only", is_flag=True, help="Leave out what only chooses values or rows.")
@CATALOG_OPTION
def trace(  # noqa: PLR0917
    name: str, up: bool, form: str | None, depth: int | None, direct_only: bool, folder: Path | None
) -> None:
    """Follow a column through views, with the jobs that load its tables.

    \b
    Examples:
      amodels trace sgmisit.v3_balance_daily_015.total
      amodels trace sgmisitstg.stg_balance_daily --down
      amodels trace sgmisit.v3_balance_daily_015.total --dot | dot -Tsvg > trace.svg
      amodels trace sgmisit.v3_balance_daily_015 --json --catalog catalog
    """
    from amodels_assets.sgmi import trace as tracing
    from amodels_assets.sgmi.trace_text import as_dot, as_json, as_tree

    direction = tracing.Direction.UP if up else tracing.Direction.DOWN
    try:
        found = tracing.trace(
            read_catalog(folder, tracing.TABLES),
            name,
            direction,
            depth=depth,
            direct_only=direct_only,
        )
    except tracing.TraceError as error:
        raise click.ClickException(str(error)) from error
    if form == "dot":
        click.echo(as_dot(found))
    elif form == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    else:
        for line in as_tree(found):
            click.echo(line)
