"""``amodels controlm``: Control-M folders, looked at and run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amodels_assets.commands.made_catalog import CATALOG_OPTION, read_catalog

if TYPE_CHECKING:
    from amodels_assets.controlm.plan import JobPlan

DATE = click.DateTime(["%Y-%m-%d"])


@click.group()
def controlm() -> None:
    """Control-M folders as Dagster assets, schedules and sensors.

    \b
    Examples:
      amodels controlm list
      amodels controlm run SGMI_MRT_02 --date 2026-01-05
      amodels controlm set-condition FILE-ARRIVED --date 2026-01-05
    """


@controlm.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.argument("folders", nargs=-1)
@CATALOG_OPTION
def list_jobs(folders: Sequence[str], as_json: bool, folder: Path | None) -> None:
    """Show the jobs of FOLDERS (default: all), what starts each, and why nothing can.

    \b
    Examples:
      amodels controlm list
      amodels controlm list SGMI_MRT_02 --json --catalog catalog
    """
    plans = _plans(folder, folders or ("*",))
    if as_json:
        click.echo(json.dumps([_as_json(plan) for plan in plans], indent=2))
        return
    previous = ""
    for plan in plans:
        if plan.folder != previous:
            previous = plan.folder
            click.echo(plan.folder)
        wait = " ".join(plan.wait.tokens) if plan.wait else ""
        started = plan.schedule_line or (f"waits for {wait}" if wait else plan.trigger)
        why = f"  NOT STARTED: {plan.why_not_started}" if plan.why_not_started else ""
        click.echo(f"  {plan.job}  {started}{why}")
        if plan.not_expressible and plan.cron and not why:
            click.echo(f"    not watched: {', '.join(plan.not_expressible)}")


@controlm.command("run")
@click.argument("folders", nargs=-1, required=True)
@click.option("--date", "order_date", type=DATE, help="Order date (default: today).")
@click.option("--ignore-dates", is_flag=True, help="Also jobs that may not run on that date.")
@CATALOG_OPTION
def run_folders(
    folders: Sequence[str], order_date: datetime | None, ignore_dates: bool, folder: Path | None
) -> None:
    """Run the jobs of FOLDERS once for an order date, each after those it waits for.

    The runner is AMODELS_CONTROLM_RUNNER: dry_run (default), local or ssh. A job that fails stops
    those that wait for it. Exits with 1 when one failed.

    \b
    Examples:
      amodels controlm run SGMI_MRT_02
      AMODELS_CONTROLM_RUNNER=local amodels controlm run SGMI_MRT_02 --date 2026-01-05
    """
    import dagster as dg

    from amodels_assets.commands.materialize import prepare_dagster_home
    from amodels_assets.configured import command_runner
    from amodels_assets.controlm.assets import job_assets
    from amodels_assets.controlm.ledger import ORDER_DATE
    from amodels_assets.settings import from_environment

    plans = _plans(folder, folders)
    day = (order_date or datetime.now().astimezone()).date()
    allowed = [plan for plan in plans if ignore_dates or plan.dates.allows(day)]
    if not allowed:
        raise click.ClickException(f"no job of {', '.join(folders)} may run on {day}")
    skipped = len(plans) - len(allowed)
    if skipped:
        click.echo(f"{skipped} jobs may not run on {day}", err=True)
    prepare_dagster_home()
    keys = [dg.AssetKey(plan.key) for plan in allowed]
    with dg.DagsterInstance.get() as instance:
        result = dg.materialize(
            job_assets(plans),
            selection=keys,
            instance=instance,
            resources={"command_runner": command_runner(from_environment())},
            tags={ORDER_DATE: day.isoformat()},
            raise_on_error=False,
        )
    by_key = {"__".join(plan.key): plan for plan in plans}
    failed = 0
    for event in result.all_events:
        plan = by_key.get(event.step_key or "")
        if plan is None:
            continue
        if event.is_step_success:
            click.echo(f"done     {plan.job}")
        elif event.is_step_skipped:
            click.echo(f"skipped  {plan.job}: a job that it waits for failed")
        elif event.is_step_failure:
            failed += 1
            data = event.step_failure_data.user_failure_data
            text = data.description if data else str(event.step_failure_data.error)
            click.echo(f"FAILED   {plan.job}: {text}")
    sys.exit(1 if failed or not result.success else 0)


@controlm.command("set-condition")
@click.argument("name")
@click.option("--date", "order_date", type=DATE, help="Order date; default: holds for every date.")
@click.option("--delete", is_flag=True, help="Take it away instead.")
def set_condition(name: str, order_date: datetime | None, delete: bool) -> None:
    """Add a condition from outside, as an operator does when a file has arrived.

    \b
    Examples:
      amodels controlm set-condition FILE-ARRIVED --date 2026-01-05
      amodels controlm set-condition HOLIDAY --delete
    """
    import dagster as dg

    from amodels_assets.commands.materialize import prepare_dagster_home
    from amodels_assets.controlm.ledger import CHANGES, ORDER_DATE, SET_BY_HAND, record

    rule = "ODAT" if order_date else "STAT"
    metadata: dict[str, dg.MetadataValue] = {
        CHANGES: dg.MetadataValue.json([record(name, rule, added=not delete)])
    }
    if order_date:
        metadata[ORDER_DATE] = dg.MetadataValue.text(order_date.date().isoformat())
    prepare_dagster_home()
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(dg.AssetKey(SET_BY_HAND), metadata=metadata)
        )
    when = f"for {order_date.date()}" if order_date else "for every date"
    click.echo(f"{name} {'deleted' if delete else 'holds'} {when}")


def _plans(folder: Path | None, folders: Sequence[str]) -> list[JobPlan]:
    from amodels_assets.controlm.plan import TABLES, job_plans

    catalog = read_catalog(folder, TABLES)
    plans = job_plans(catalog, folders)
    there = {plan.folder.split("/")[0] for plan in plans}
    missing = [name for name in folders if name not in there and name != "*"]
    if missing:
        known = sorted({str(f).split("/")[0] for f in catalog["jobs"].column("folder").to_pylist()})
        text = f"no folder is called {', '.join(missing)}; there are {', '.join(known) or 'none'}"
        raise click.ClickException(text)
    return plans


def _as_json(plan: JobPlan) -> dict[str, object]:
    return {
        "job": plan.job,
        "folder": plan.folder,
        "asset": list(plan.key),
        "trigger": plan.trigger,
        "cron": plan.cron,
        "timezone": plan.timezone,
        "waits_for": " ".join(plan.wait.tokens) if plan.wait else None,
        "not_expressible": list(plan.not_expressible),
        "why_not_started": plan.why_not_started or None,
        "command": plan.command or None,
        "writes": list(plan.writes),
        "source": plan.source,
    }
