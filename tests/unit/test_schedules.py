"""The old crontab lines as schedules: when they tick, also where the clock is put forward."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from amodels_assets.environments import environments_of
from amodels_assets.run_history.jobs import prune_run_history
from schedules import build_schedules

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY, WEEKLY, HISTORY, _HOURLY = build_schedules(
    "Europe/Berlin", retention_days=60, history_days=90
)


def ticks(schedule: dg.ScheduleDefinition, start: datetime, count: int) -> list[datetime]:
    """The next ticks, from the very function that Dagster's daemon asks."""
    found = schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    return [t.astimezone(BERLIN) for t in islice(found, count)]


@pytest.mark.parametrize("schedule", [NIGHTLY, WEEKLY], ids=lambda s: s.name)
def test_off_by_default_with_an_explicit_zone(schedule: dg.ScheduleDefinition) -> None:
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert schedule.execution_timezone == "Europe/Berlin"


def test_history_is_pruned_without_anybody_asking_for_it_where_it_matters() -> None:
    assert HISTORY.default_status is dg.DefaultScheduleStatus.RUNNING
    assert environments_of(HISTORY) == ("staging", "prod")
    moment = datetime(2026, 11, 1, 4, 15)
    result = HISTORY.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
    (request,) = result.run_requests or []
    dg.validate_run_config(prune_run_history, request.run_config)
    assert request.run_config == {"ops": {"prune_old_runs": {"config": {"days": 90}}}}


def test_the_crontab_lines_are_these() -> None:
    assert [s.cron_schedule for s in (NIGHTLY, WEEKLY)] == ["0 2 * * *", "30 3 * * 0"]


def test_nightly_runs_once_a_day_when_the_clock_is_put_forward() -> None:
    """On 2026-03-29 the hour from 02:00 does not exist: the run takes place at 03:00."""
    found = ticks(NIGHTLY, datetime(2026, 3, 28, 0, 0, tzinfo=BERLIN), 3)
    assert [(t.day, t.hour, t.utcoffset()) for t in found] == [
        (28, 2, timedelta(hours=1)),
        (29, 3, timedelta(hours=2)),
        (30, 2, timedelta(hours=2)),
    ]


def test_nightly_runs_once_a_day_when_the_clock_is_put_back() -> None:
    """On 2026-10-25 the hour from 02:00 happens twice: there is one run all the same."""
    found = ticks(NIGHTLY, datetime(2026, 10, 24, 0, 0, tzinfo=BERLIN), 3)
    assert [t.day for t in found] == [24, 25, 26]
    assert [t.hour for t in found] == [2, 2, 2]


def test_weekly_runs_on_sundays() -> None:
    found = ticks(WEEKLY, datetime(2026, 10, 20, 0, 0, tzinfo=BERLIN), 2)
    assert [(t.day, t.month, t.hour, t.minute) for t in found] == [(25, 10, 3, 30), (1, 11, 3, 30)]


def test_weekly_carries_the_retention() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 1, 3, 30))
    result = WEEKLY.evaluate_tick(context)
    (request,) = result.run_requests or []
    assert request.run_config == {"ops": {"delete_expired_archives": {"config": {"days": 60}}}}
