"""``amodels run``: materialize assets in this process and say what was made and where."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from amodels_assets.commands.materialize import Report

# On request: what needs a base model that nobody has brought yet and takes long, and what puts a
# load on those who serve. What was made is not what tells of it.
USUAL = "* and not tag:amodels/extra=language and not group:serving and not group:operations"


@click.command()
@click.option(
    "--select",
    help="Dagster asset selection; default: all but those of language models, whose base model has "
    "to be brought first, those of the group serving, which put a load on what is served, and "
    "operations, which tell of runs.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file with settings by step: 'language_scores: {items: 30}', say. The web UI shows "
    "which settings a step has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--verbose", is_flag=True, help="Print Dagster's own log as well.")
def run(select: str | None, config_file: Path | None, as_json: bool, verbose: bool) -> None:
    """Materialize assets and run their checks.

    What was made before from the same inputs by the same code is left as it is.

    \b
    Examples:
      amodels run
      amodels run --select 'group:sgmi'
      amodels run --select '+key:"release/released_model"' --json
      amodels run --select 'tag:amodels/extra=language'       what language models take part in
      amodels run --select 'tag:amodels/extra=language' --config fewer_items.yaml
    """
    from amodels_assets.settings import from_environment
    from amodels_assets.sgmi.source import SourceError, check_source

    try:
        check_source(from_environment().sgmi_directory)
    except SourceError as error:
        raise click.ClickException(str(error)) from error
    from amodels_assets.commands.materialize import materialize, prepare_dagster_home

    config = _read_config(config_file) if config_file else None
    prepare_dagster_home()
    report = materialize(select or USUAL, progress=not as_json, verbose=verbose, config=config)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        print_report(report)
    sys.exit(0 if report.succeeded else 1)


def _read_config(path: Path) -> Mapping[str, Mapping[str, Any]]:
    import yaml

    hint = f"{path}: settings by step, as in 'training/language_model: {{mode: full}}', are needed"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.BadParameter(f"{hint}; {error}", param_hint="--config") from error
    if not isinstance(found, dict) or not all(
        isinstance(step, str) and isinstance(values, dict) for step, values in found.items()
    ):
        raise click.BadParameter(hint, param_hint="--config")
    return found


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
