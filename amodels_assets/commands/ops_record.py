"""The record of operations, opened by the commands that show it.

Belongs here: taking in what is new before anything is shown. Does not belong here: the commands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from amodels_assets.operations.period import parse_period
from amodels_assets.settings import OPERATIONS, from_environment

if TYPE_CHECKING:
    import sqlalchemy as sa

    from amodels_assets.operations.budget import Standing
    from amodels_assets.operations.prices import Prices
    from amodels_assets.settings import Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


class Period(click.ParamType[float]):
    """A length of time, in seconds."""

    name = "period"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        if isinstance(value, float):
            return value
        try:
            return parse_period(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def since(default: str) -> Callable[[Any], Any]:
    """The option ``--since``."""
    return click.option(
        "--since",
        type=Period(),
        default=default,
        show_default=True,
        help="How far back: 30m, 24h, 7d, 4w.",
    )


@dataclass(frozen=True)
class Record:
    """What a command works with.

    Attributes:
        engine: Of the record, which has all that happened.
        prices: As declared.
        settings: Of this installation.
        now: Seconds since 1970.
    """

    engine: sa.Engine
    prices: Prices
    settings: Settings
    now: float


@contextmanager
def record() -> Generator[Record]:
    """The record, with all that happened until now taken in.

    Raises:
        ClickException: It cannot be used; the message holds no password.
    """
    import dagster as dg

    from amodels_assets.commands.materialize import prepare_dagster_home
    from amodels_assets.operations.intake import take_in
    from amodels_assets.operations.prices import read_prices
    from amodels_assets.operations.store import OperationsError, opened

    settings = from_environment()
    prices = read_prices(settings.prices, settings.gpu_price_per_hour)
    settings.home.mkdir(parents=True, exist_ok=True)
    prepare_dagster_home()
    now = time.time()
    try:
        with opened(os.environ.get(OPERATIONS) or settings.operations_url) as engine:
            with dg.DagsterInstance.get() as instance:
                take_in(instance, engine, prices=prices, audit_log=settings.audit_log, now=now)
            yield Record(engine, prices, settings, now)
    except OperationsError as error:
        raise click.ClickException(str(error)) from error


def promised(
    found: Record, connection: sa.Connection, since: float | None = None
) -> list[Standing]:
    """How the objectives stand.

    Args:
        found: The record.
        connection: To it.
        since: Seconds back from now that count, in place of the objectives' own windows.
    """
    from amodels_assets.operations.budget import standings
    from amodels_assets.operations.objectives import read_objectives

    objectives = read_objectives(found.settings.objectives)
    return standings(connection, objectives, found.now, since=since)
