"""``amodels trace``: where a column comes from or goes, and what a release stands on.

Belongs here: which of the two is asked. Does not belong here: the way back from a release
(``trace_release.py``).
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.core import ParameterSource

from amodels_assets.commands.made_catalog import CATALOG_OPTION, read_catalog
from amodels_assets.commands.trace_release import trace_release, trace_request

# Of a walk over columns; a release and a request have none of them.
_OF_COLUMNS = {"up": "--up and --down", "depth": "--depth", "direct_only": "--direct-only",
               "folder": "--catalog"}  # fmt: skip


@click.command()
@click.argument("name", metavar="[DATABASE.TABLE[.COLUMN]]", required=False)
@click.option("--release", help="What a release stands on, back to the jobs.")
@click.option("--request", help="The release that answered a request, by its x-request-id.")
@click.option("--up/--down", default=True, help="To its sources (default), or to what reads it.")
@click.option("--dot", "form", flag_value="dot", help="Print a Graphviz graph.")
@click.option("--json", "form", flag_value="json", help="Print everything as JSON.")
@click.option("--depth", type=click.IntRange(min=1), help="Most steps to follow.")
@click.option("--direct-only", is_flag=True, help="Leave out what only chooses values or rows.")
@CATALOG_OPTION
@click.pass_context
def trace(
    context: click.Context,
    *,
    name: str | None,
    release: str | None,
    request: str | None,
    up: bool,
    form: str | None,
    depth: int | None,
    direct_only: bool,
    folder: Path | None,
) -> None:
    """Follow a column through views, with the jobs that load its tables.

    Or a release, or the request that it answered: to its checkpoint, its data sets, the catalog,
    the source's tables and the jobs that load them.

    \b
    Examples:
      amodels trace sgmisit.v3_balance_daily_015.total
      amodels trace sgmisitstg.stg_balance_daily --down
      amodels trace sgmisit.v3_balance_daily_015.total --dot | dot -Tsvg > trace.svg
      amodels trace sgmisit.v3_balance_daily_015 --json --catalog catalog
      amodels trace --release facility-downgrade-0123456789ab
      amodels trace --request 6e1f0c2a9b7d4e5f8a30000000000001 --json
    """
    if sum(given is not None for given in (name, release, request)) != 1:
        raise click.UsageError("give one of DATABASE.TABLE[.COLUMN], --release and --request")
    if name is None:
        _refuse_options_of_columns(context, form)
        if release is not None:
            trace_release(release, as_json=form == "json")
        elif request is not None:
            trace_request(request, as_json=form == "json")
        return
    _trace_column(name, form, up=up, depth=depth, direct_only=direct_only, folder=folder)


def _refuse_options_of_columns(context: click.Context, form: str | None) -> None:
    given = [
        option
        for parameter, option in _OF_COLUMNS.items()
        if context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
    ]
    if form == "dot":
        given.append("--dot")
    if given:
        raise click.UsageError(f"{', '.join(given)}: only for a column or a table")


def _trace_column(
    name: str,
    form: str | None,
    *,
    up: bool,
    depth: int | None,
    direct_only: bool,
    folder: Path | None,
) -> None:
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
