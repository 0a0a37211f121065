"""Schedules and sensors say in which environments they are registered; who does not is refused."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from amodels_assets import definitions
from amodels_assets.cli import cli
from amodels_assets.environments import environments_of, registered, registered_in
from amodels_assets.settings import ENVIRONMENTS
from schedules import build_schedules
from sensors import build_sensors


def schedule(name: str, **options: object) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(name=name, job_name="job", cron_schedule="0 0 * * *", **options)


def test_an_environment_has_those_that_name_it() -> None:
    everywhere = schedule("everywhere", metadata=registered_in(*ENVIRONMENTS))
    production = schedule("production", metadata=registered_in("prod"))
    assert registered([everywhere, production], "dev") == [everywhere]
    assert registered([everywhere, production], "prod") == [everywhere, production]


def test_one_that_names_none_is_refused_wherever_it_would_be() -> None:
    with pytest.raises(ValueError, match=r"^silent does not say in which environments it is"):
        registered([schedule("silent")], "dev")


@pytest.mark.parametrize("names", [(), ("pord",), ("prod", "everywhere")])
def test_an_environment_that_does_not_exist_cannot_be_named(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"name some of dev, staging, prod"):
        registered_in(*names)


def test_the_code_location_does_not_load_with_one_that_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(definitions, "build_schedules", lambda *_, **__: [schedule("silent")])
    with pytest.raises(ValueError, match=r"^silent does not say"):
        definitions.build_definitions()


def test_all_say_it() -> None:
    schedules = build_schedules("Europe/Berlin", retention_days=60, history_days=90)
    sensors = build_sensors(Path("x"), Path("x"), Path("x"))
    for definition in (*schedules, *sensors):
        assert environments_of(definition), definition.name


def listed(monkeypatch: pytest.MonkeyPatch, environment: str) -> dict[str, dict[str, object]]:
    monkeypatch.setenv("AMODELS_ENV", environment)
    result = CliRunner().invoke(cli, ["dagster", "schedules", "--json"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.output)}


def test_the_command_lists_those_of_all_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ENVIRONMENTS:
        rows = listed(monkeypatch, environment)
        repository = definitions.build_definitions().get_repository_def()
        here = {s.name for s in (*repository.schedule_defs, *repository.sensor_defs)}
        assert {name for name, row in rows.items() if row["registered"]} == here
    row = rows["prune_run_history_nightly"]
    assert row["environments"] == ["staging", "prod"]
    assert (row["starts"], row["on_at_first"]) == ("15 4 * * *", True)
    assert "prune_run_history_nightly" not in {
        name for name, row in listed(monkeypatch, "dev").items() if row["registered"]
    }


def test_the_list_for_people_names_what_is_elsewhere() -> None:
    text = CliRunner().invoke(cli, ["dagster", "schedules"]).output
    (line,) = [line for line in text.splitlines() if line.startswith("prune_run_history_nightly")]
    assert line.endswith("staging, prod        not in dev, on at first")


@pytest.mark.parametrize("given", ["90", "13d", "soon", "-20d", "999999d"])
def test_an_age_that_is_none_is_refused(given: str) -> None:
    result = CliRunner().invoke(cli, ["dagster", "prune", "--older-than", given])
    assert result.exit_code == 2
    assert "give a number of days from 14d on" in result.output


def test_history_is_pruned_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    # The command sets it for this process.
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    result = CliRunner().invoke(cli, ["dagster", "prune", "--older-than", "90d", "--dry-run"])
    assert result.output == (
        "would remove 0 runs, 0 events, 0 records of checks, 0 ticks; 0 old runs stay, because "
        "something current is in them\n"
    )
    done = CliRunner().invoke(cli, ["dagster", "prune", "--json"])
    assert json.loads(done.output)["runs"] == 0
