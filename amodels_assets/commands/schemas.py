"""``amodels schemas``: what a replica would change, and changing it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.schemas.targets import Target, configured_targets
from amodels_assets.settings import Settings, from_environment

if TYPE_CHECKING:
    from amodels_assets.schemas.replica import Plan
    from amodels_assets.schemas.source import Source

_SIGNS = {
    "create_table": "+",
    "create_view": "+",
    "add_column": "+",
    "drop_table": "-",
    "drop_view": "-",
    "drop_column": "-",
    "remove_rows": "-",
}
TARGET = click.option(
    "--target",
    "names",
    multiple=True,
    type=click.Choice(["sqlite", "postgresql", "hana"]),
    help="Only this target; default: every configured one.",
)


@click.group()
def schemas() -> None:
    """The catalog's tables, views and rows in databases.

    \b
    Examples:
      amodels schemas plan                       what the next run would change
      amodels schemas apply                      change it
      amodels schemas apply --allow-destructive  also what loses data
      amodels schemas history                    what was done when, from which catalog
    """


@schemas.command()
@TARGET
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan(names: tuple[str, ...], as_json: bool) -> None:
    """Show what the next run would change; change nothing.

    Steps that lose data are marked with an exclamation mark and wait for --allow-destructive.

    \b
    Examples:
      amodels schemas plan
      amodels schemas plan --target postgresql --json
    """
    from amodels_assets.schemas.replica import plan_replica

    settings = from_environment()
    source = _source(settings)
    with _clear_errors():
        found = [
            (target, plan_replica(_url(settings, target), source))
            for target in _targets(settings, names)
        ]
    if as_json:
        rows = [row for target, plan in found for row in _rows(target, plan)]
        click.echo(json.dumps(rows, indent=2))
        return
    for target, plan in found:
        click.echo(f"{target.title}:")
        for line in _lines(_rows(target, plan)):
            click.echo(f"  {line}")


@schemas.command()
@TARGET
@click.option("--allow-destructive", is_flag=True, help="Also steps that lose data.")
@click.option(
    "--reload",
    multiple=True,
    metavar="DATABASE.TABLE",
    help="Load the table's rows again although their source did not change.",
)
def apply(names: tuple[str, ...], allow_destructive: bool, reload: tuple[str, ...]) -> None:
    """Bring the databases to the catalog, and compare them with it.

    The same as materializing the assets of the group `schemas`.

    \b
    Examples:
      amodels schemas apply --allow-destructive
      amodels schemas apply --target postgresql --reload sgmisit.facility
    """
    from amodels_assets.commands.materialize import materialize, prepare_dagster_home
    from amodels_assets.commands.run import print_report

    odd = [name for name in reload if not all(name.partition("."))]
    if odd:
        raise click.BadParameter(f"{odd[0]!r} is no DATABASE.TABLE", param_hint="--reload")
    targets = _targets(from_environment(), names)
    config = {"allow_destructive": allow_destructive, "reload": list(reload)}
    prepare_dagster_home()
    report = materialize(
        " or ".join(f'key:"{target.artifact}"' for target in targets),
        progress=True,
        verbose=False,
        config={target.artifact: config for target in targets},
    )
    print_report(report)
    sys.exit(0 if report.succeeded else 1)


@schemas.command()
@TARGET
@click.option("--number", default=20, show_default=True, help="Of the newest steps.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def history(names: tuple[str, ...], number: int, as_json: bool) -> None:
    """Show the newest steps of a replica's record.

    \b
    Examples:
      amodels schemas history --number 50
      amodels schemas history --target postgresql --json
    """
    from amodels_assets.schemas.bookkeeping import Bookkeeping
    from amodels_assets.schemas.connect import connected

    settings = from_environment()
    rows: list[dict[str, Any]] = []
    with _clear_errors():
        for target in _targets(settings, names):
            with connected(_url(settings, target)) as connection:
                record = Bookkeeping(connection)
                found = record.history(number) if record.exists() else []
            rows += [{"target": target.name, **row} for row in found]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("Nothing has been replicated yet: say `amodels schemas apply`.")
    for row in rows:
        name = f"{row['source_database']}.{row['source_table']}"
        click.echo(
            f"{row['applied_at'][:19]}  {row['target']:<10} {row['step']:<13} {name}  "
            f"{row['detail']}".rstrip()
        )


def _source(settings: Settings) -> Source:
    from amodels_assets.schemas.source import source_of

    store = ArtifactStore(settings.artifacts_path())
    return source_of(store.get("sgmi/catalog"), store.get("sgmi/rows"))


def _targets(settings: Settings, names: tuple[str, ...]) -> list[Target]:
    targets = configured_targets(settings.stores)
    missing = sorted(set(names) - {target.name for target in targets})
    if missing:
        known = ", ".join(target.name for target in targets)
        raise click.ClickException(f"{', '.join(missing)} is not configured; there is {known}")
    return [target for target in targets if not names or target.name in names]


def _url(settings: Settings, target: Target) -> str:
    return os.environ[target.variable] if target.variable else settings.embedded_url


@contextmanager
def _clear_errors() -> Generator[None]:
    from amodels_assets.schemas.connect import ReplicaError

    try:
        yield
    except ReplicaError as error:
        raise click.ClickException(str(error)) from error


def _rows(target: Target, plan: Plan) -> Iterator[dict[str, Any]]:
    """One row a step, and one for each table or view that cannot be made."""
    for migration in plan.migrations:
        name = {"target": target.name, "database": migration.key[0], "table": migration.key[1]}
        if migration.obstacle:
            yield {**name, "step": "skip", "detail": migration.obstacle, "loses_data": False}
        held = set(migration.steps) - set(migration.chosen(allow_destructive=False))
        for step in migration.steps:
            yield {
                **name,
                "step": step.kind,
                "column": step.column,
                "detail": step.detail,
                "loses_data": step.loses_data,
                "waits": step in held,
            }
    refusals = {key: known.refusal for key, known in plan.applied.items()}
    obstacles = {
        view.key: view.obstacle or f"refused: {refusals[view.key]}"
        for view in plan.views
        if view.obstacle or (refusals.get(view.key) and view.key not in plan.view_steps)
    }
    for key, step in sorted(plan.view_steps.items()):
        name = {"target": target.name, "database": key[0], "table": key[1]}
        yield {**name, "step": step.kind, "detail": step.detail, "loses_data": False}
    for key, obstacle in sorted(obstacles.items()):
        name = {"target": target.name, "database": key[0], "table": key[1]}
        yield {**name, "step": "skip", "detail": obstacle, "loses_data": False}


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    steps, waiting = 0, 0
    for row in rows:
        skipped = row["step"] == "skip"
        steps += not skipped
        waiting += row.get("waits", False)
        sign = "." if skipped else _SIGNS.get(row["step"], "~")
        mark = "!" if row["loses_data"] else " "
        column = f" {row['column']}" if row.get("column") else ""
        detail = f": {row['detail']}" if row["detail"] else ""
        name = f"{row['database']}.{row['table']}"
        yield f"{sign}{mark} {name}  {row['step'].replace('_', ' ')}{column}{detail}"
    yield f"{steps} steps" + (
        f", {waiting} of them wait for --allow-destructive" if waiting else ""
    )
