"""``amodels run``: materialize assets in this process and say what was made and where."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from amodels_assets.commands.materialize import Report


@click.command()
@click.option("--select", default="*", show_default=True, help="Dagster asset selection.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--verbose", is_flag=True, help="Print Dagster's own log as well.")
def run(select: str, as_json: bool, verbose: bool) -> None:
    """Materialize assets and run their checks.

    What was made before from the same inputs by the same code is left as it is.

    \b
    Examples:
      amodels run
      amodels run --select 'group:sgmi'
      amodels run --select '+key:"release/released_model"' --json
    """
    from amodels_assets.settings import from_environment
    from amodels_assets.sgmi.source import SourceError, check_source

    try:
        check_source(from_environment().sgmi_directory)
    except SourceError as error:
        raise click.ClickException(str(error)) from error
    from amodels_assets.commands.materialize import materialize, prepare_dagster_home

    prepare_dagster_home()
    report = materialize(select, progress=not as_json, verbose=verbose)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        print_report(report)
    sys.exit(0 if report.succeeded else 1)


def print_report(report: Report) -> None:
    """Say what was made and where, and what went wrong."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("asset", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("where", overflow="fold")
    for asset in report.made:
        rows = "" if asset.rows is None else f"{asset.rows:,}"
        table.add_row(
            asset.asset, rows, "unchanged" if asset.unchanged else "made", asset.path or ""
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    unchanged = sum(asset.unchanged for asset in report.made)
    click.echo(
        f"\n{len(report.made)} assets in {report.total_seconds:.1f} s, {unchanged} of them "
        f"unchanged; {report.checks_passed} checks passed, {len(report.checks_failed)} failed; "
        f"peak memory {report.peak_memory_bytes / 1e6:,.0f} MB"
    )
    for check in report.checks_failed:
        kind = "blocking check" if check.blocking else "warning"
        click.echo(f"{kind} {check.asset}:{check.check} failed: {check.description}", err=True)
    for error in report.errors:
        click.echo(f"amodels: {error}", err=True)
    if report.not_made:
        click.echo(f"not made: {', '.join(report.not_made)}", err=True)
