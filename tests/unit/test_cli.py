"""The command line: help with examples, clear errors, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from amodels_assets import cli as module
from amodels_assets.artifacts import ArtifactStore, CheckRecord
from amodels_assets.cli import cli
from amodels_assets.settings import from_environment


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
        else:
            found.append((*path, name))
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    return tmp_path


def made(home: Path) -> ArtifactStore:
    store = ArtifactStore(home / "artifacts")
    artifact = store.publish(
        "room/thing",
        inputs={"a": "b"},
        code_version="1",
        produce=lambda folder: (folder / "x").write_text("x"),
    )
    for name, passed in (("good", True), ("bad", False)):
        store.record_check(
            "room/thing", CheckRecord(name, artifact.data_version, passed, blocking=True)
        )
    return store


@pytest.mark.parametrize("path", commands(cli), ids="-".join)
def test_every_command_explains_itself_with_examples(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "\n  Examples:\n" in result.output
    assert f"amodels {' '.join(path)}" in result.output


def test_a_command_does_not_wait_for_what_only_others_need() -> None:
    slow = ("dagster", "numpy", "pyarrow", "sqlalchemy", "sqlglot", "torch", "redis", "rich")
    code = f"import sys, amodels_assets.cli;print(*[m for m in {slow!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_status_of_nothing_says_what_to_do(home: Path) -> None:
    result = CliRunner().invoke(cli, ["status"])
    assert "amodels run" in result.output


def test_status_lists_artifacts_and_failed_checks(home: Path) -> None:
    made(home)
    text = CliRunner().invoke(cli, ["status"]).output
    assert "room/thing" in text
    assert "FAILED: bad" in text
    (row,) = json.loads(CliRunner().invoke(cli, ["status", "--json"]).output)
    assert row["checks_passed"] == 1
    assert row["inputs"] == {"a": "b"}


def test_release_show_without_a_release_fails_clearly(home: Path) -> None:
    result = CliRunner().invoke(cli, ["release", "show"])
    assert result.exit_code == 1
    assert "nothing is released yet" in result.output


def test_errors_are_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMODELS_ARTIFACTS_URL", "ftp://somewhere")
    monkeypatch.setattr("sys.argv", ["amodels", "status"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("amodels: AMODELS_ARTIFACTS_URL has the scheme 'ftp'")


def test_wrong_usage_exits_with_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["amodels", "sample"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("language_scores: {itms: 3}", 'unexpected config entry "itms"'),
        ("language_scores: {items: many}", "language_scores:config:items"),
        ("language_score: {items: 3}", "'language_score' is no step of what is selected"),
        ("evaluation/none: {}", "'evaluation/none' is no step"),
        ("language_scores: 3", "settings by step"),
        ("[language_scores]", "settings by step"),
        ("language_scores: {", "settings by step"),
        ("", "settings by step"),
    ],
)
def test_a_setting_of_a_run_that_is_none_is_refused_before_it_begins(
    home: Path, text: str, reason: str
) -> None:
    path = home / "config.yaml"
    path.write_text(text)
    given = ["run", "--select", "tag:amodels/extra=language", "--config", str(path)]
    result = CliRunner().invoke(cli, given)
    assert result.exit_code == 2
    assert reason in result.output
    assert not (home / "artifacts").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMODELS_RETENTION_DAYS", "soon"),
        ("AMODELS_RETENTION_DAYS", "0"),
        ("AMODELS_TIMEZONE", "Mars"),
        ("AMODELS_TRAINING_STEPS", "many"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        from_environment({name: value})


def test_settings_have_embedded_defaults() -> None:
    settings = from_environment({})
    assert settings.sgmi_directory.parts[-2:] == ("data", "sgmi")
    assert settings.artifacts_path() == Path("var/artifacts").absolute()
    assert settings.stores == frozenset()
    assert from_environment({"AMODELS_ARTIFACTS_URL": "file:///a/b"}).artifacts_path() == Path(
        "/a/b"
    )


def test_the_replica_url_is_not_kept_in_the_settings() -> None:
    settings = from_environment({"AMODELS_POSTGRES_URL": "postgresql://me:secret@host/db"})
    assert settings.stores == {"AMODELS_POSTGRES_URL"}
    assert "secret" not in repr(settings)
