"""``amodels dagster``: what the platform adds to Dagster's own command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from amodels_assets.settings import LEAST_HISTORY_DAYS, from_environment

if TYPE_CHECKING:
    import dagster as dg

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def dagster() -> None:
    """Dagster's history and schedules.

    \b
    Examples:
      amodels dagster schedules                     which are registered where
      amodels dagster prune --dry-run               what would go
      amodels dagster prune --older-than 30d        remove it
    """


def _age(_: click.Context, __: click.Parameter, text: str | None) -> timedelta:
    if text is None:
        return timedelta(days=from_environment().history_days)
    found = re.fullmatch(r"(\d{1,5})d", text)
    if not found or int(found[1]) < LEAST_HISTORY_DAYS:
        raise click.BadParameter(f"{text!r}: give a number of days from {LEAST_HISTORY_DAYS}d on")
    return timedelta(days=int(found[1]))


@dagster.command()
@click.option(
    "--older-than",
    "age",
    callback=_age,
    metavar="DAYS",
    help="Runs that changed last so long ago, 30d say; default: AMODELS_HISTORY_DAYS.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@AS_JSON
def prune(*, age: timedelta, dry_run: bool, as_json: bool) -> None:
    """Remove old runs with their events, logs and ticks from Dagster's storage.

    The run with the newest materialization, observation and check of every asset and partition
    stays, and so does everything of runs that are not finished. It can be interrupted at any time;
    the next attempt goes on.

    \b
    Examples:
      amodels dagster prune --dry-run
      amodels dagster prune --older-than 90d
      amodels dagster prune --older-than 30d --json
    """
    from dataclasses import asdict

    import dagster as dg

    from amodels_assets.commands.materialize import prepare_dagster_home
    from amodels_assets.run_history.prune import prune

    prepare_dagster_home()
    with dg.DagsterInstance.get() as instance:
        pruned = prune(instance, before=datetime.now(UTC) - age, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(asdict(pruned)))
        return
    click.echo(
        f"{'would remove' if dry_run else 'removed'} {pruned.runs:,} runs, {pruned.events:,} "
        f"events, {pruned.checks:,} records of checks, {pruned.ticks:,} ticks; "
        f"{pruned.needed_runs:,} old runs stay, because something current is in them"
    )


@dagster.command()
@AS_JSON
def schedules(as_json: bool) -> None:
    """List schedules and sensors with the environments in which they are registered.

    \b
    Examples:
      amodels dagster schedules
      AMODELS_ENV=prod amodels dagster schedules --json
    """
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.controlm.chosen import chosen_plans
    from amodels_assets.definitions import schedules_and_sensors
    from amodels_assets.environments import environments_of

    settings = from_environment()
    here = settings.environment
    plans = chosen_plans(ArtifactStore(settings.artifacts_path()), settings.controlm_folders)
    found_schedules, found_sensors = schedules_and_sensors(settings, plans)
    found = [*found_schedules, *found_sensors]
    if as_json:
        rows = [
            {
                "name": each.name,
                "starts": _starts(each),
                "environments": environments_of(each),
                "registered": here in environments_of(each),
                "on_at_first": each.default_status.value == "RUNNING",
            }
            for each in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for each in found:
        named = environments_of(each)
        state = "registered" if here in named else f"not in {here}"
        if each.default_status.value == "RUNNING":
            state += ", on at first"
        click.echo(f"{each.name:<36} {_starts(each):<12} {', '.join(named):<20} {state}")


def _starts(definition: dg.ScheduleDefinition | dg.SensorDefinition) -> str:
    return str(getattr(definition, "cron_schedule", "sensor"))
