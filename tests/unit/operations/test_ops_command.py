"""The commands of ``amodels ops``."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amodels_assets.cli import cli
from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.settings import from_environment


@pytest.fixture
def home(tmp_path: Path, home_after_a_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The platform's home after a run."""
    dagster = tmp_path / "dagster"
    shutil.copytree(home_after_a_run, dagster)
    # The storage lies where this home is now.
    text = DAGSTER_YAML.replace("{}", f"{{base_dir: {dagster}/events}}")
    (dagster / "dagster.yaml").write_text(text)
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    # Whatever a command sets is gone afterwards.
    monkeypatch.setenv("DAGSTER_HOME", "")
    return tmp_path


def ops(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ops", *arguments], catch_exceptions=False)


def test_summary(home: Path) -> None:
    rows = json.loads(ops("summary", "--json").output)
    counts = {(row["kind"], row["room"], row["status"]): row["count"] for row in rows}
    assert counts["run", "", "failed"] == 1
    assert counts["step", "sgmi", "retried"] == 1
    assert counts["materialization", "training", "succeeded"] == 1
    assert counts["check", "sgmi", "warned"] == 1
    shown = ops("summary").output
    assert "CPU seconds" in shown
    assert "7,200.00" in shown
    assert ops("summary", "--since", "1m", "--json").exit_code == 0


def test_failures(home: Path) -> None:
    rows = json.loads(ops("failures", "--json").output)
    found = {(row["name"], row["status"], row["error_class"]) for row in rows}
    assert ("evaluation__scores", "failed", "WrongFigureError") in found
    assert ("sgmi__tables", "retried", "ConnectionResetError") in found
    assert ("training/model:model_is_good", "failed", "") in found
    assert "UTC" in ops("failures").output


def test_cost(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "prices.yaml").write_text("currency: EUR\ncpu_price_per_hour: 1\n")
    monkeypatch.setenv("AMODELS_PRICES", str(home / "prices.yaml"))
    first = json.loads(ops("cost", "--json").output)[0]
    assert (first["name"], first["gpu_seconds"]) == ("training__model", 7200.0)
    assert first["cost"] >= 5.0
    assert "cost EUR" in ops("cost").output


def test_slo(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "objectives.yaml").write_text(
        "training/model:\n  accuracy: {checks: [model_is_good], target: 0.9, window: 4w}\n"
        "sgmi/tables:\n  freshness: {within: 1h, target: 0.9, window: 4w}\n"
    )
    monkeypatch.setenv("AMODELS_OBJECTIVES", str(home / "objectives.yaml"))
    accuracy, freshness = json.loads(ops("slo", "--json").output)
    assert (accuracy["kept"], accuracy["passed"]) == (0.0, False)
    assert (freshness["kept"], freshness["passed"]) == (1.0, True)
    assert "times as fast" in ops("slo", "--since", "1d").output
    (home / "objectives.yaml").write_text("training/model: {speed: 1}")
    with pytest.raises(ValueError, match="unknown key 'speed'"):
        ops("slo")


def test_export(home: Path) -> None:
    assert ops("export", "--out", str(home / "page")).exit_code == 0
    assert "# Operations" in (home / "page" / "operations.md").read_text()
    page = (home / "page" / "operations.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "data:image/png" in page
    (home / "file").touch()
    refused = ops("export", "--out", str(home / "file" / "page"))
    assert refused.exit_code == 1
    assert "cannot be written" in refused.output


def test_prune(home: Path) -> None:
    assert ops("prune").output == "0 operations are kept by the day from now on\n"
    assert ops("prune", "--older-than", "400d").exit_code == 0


@pytest.mark.parametrize("period", ["7", "d", "-1d", "0d", "7 days", "٧d"])
def test_periods_that_are_none(home: Path, period: str) -> None:
    refused = ops("summary", "--since", period)
    assert refused.exit_code == 2
    assert "no length of time" in refused.output


def test_a_record_that_cannot_be_used_is_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMODELS_OPERATIONS_URL", "postgresql://user:secret@127.0.0.1:1/none")
    refused = ops("summary")
    assert refused.exit_code == 1
    assert "secret" not in refused.output
    assert "127.0.0.1" in refused.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMODELS_OPERATIONS_RETENTION_DAYS", "0"),
        ("AMODELS_OPERATIONS_RETENTION_DAYS", "a year"),
        ("AMODELS_NOTIFICATION_QUIET_HOURS", "-1"),
        ("AMODELS_NOTIFICATION_QUIET_HOURS", "four"),
    ],
)
def test_settings_that_are_none_are_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is '{value}'"):
        from_environment({name: value})


def test_settings_have_defaults_and_keep_no_secret(tmp_path: Path) -> None:
    urls = {
        "AMODELS_OPERATIONS_URL": "postgresql://user:secret@host/database",
        "AMODELS_NOTIFICATION_URLS": "json://user:secret@host/",
    }
    found = from_environment({"AMODELS_HOME": str(tmp_path), **urls})
    assert found.operations_url == f"sqlite:///{tmp_path}/operations.sqlite"
    assert (found.operations_retention_days, found.quiet_hours) == (400, 4.0)
    assert found.notifies
    assert "AMODELS_OPERATIONS_URL" in found.stores
    assert "secret" not in repr(found)
    assert from_environment({"AMODELS_NOTIFICATION_QUIET_HOURS": "0"}).quiet_hours == 0
