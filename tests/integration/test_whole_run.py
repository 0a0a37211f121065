"""``amodels run`` from source dumps to released model: repeated, killed, on broken input."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from amodels_assets.commands.run import USUAL

from .processes import ROOT, SHORT, amodels, artifacts, environment, run_report

pytestmark = pytest.mark.xdist_group("whole_run")


def replica_content(home: Path) -> dict[str, list[tuple]]:
    """All rows of all tables of the embedded replica but its own bookkeeping."""
    with sqlite3.connect(home / "replica.sqlite") as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select name from sqlite_master where type = 'table' order by name"
            )
            if not row[0].startswith(("amodels_replica", "sqlite_"))
        ]
        return {
            name: sorted(
                connection.execute('select * from "{}"'.format(name.replace('"', '""'))), key=repr
            )
            for name in names
        }


def test_every_asset_is_made(undisturbed: Path, source: Path) -> None:
    made = {path.split("/versions/")[0] for path in artifacts(undisturbed)}
    rooms = {path.split("/")[0] for path in made}
    assert rooms >= {"sgmi", "schemas", "graph", "datasets", "training", "evaluation", "release"}
    assert len(replica_content(undisturbed)) > 10


def test_a_second_run_changes_nothing_and_says_so(undisturbed: Path, source: Path) -> None:
    before = artifacts(undisturbed)
    report = run_report(home=undisturbed, AMODELS_SGMI_DIR=str(source), **SHORT)
    assert [a["asset"] for a in report["made"] if not a["unchanged"]] == []
    assert artifacts(undisturbed) == before


def test_a_run_killed_between_steps_ends_the_same_when_run_again(
    undisturbed: Path, source: Path, tmp_path: Path
) -> None:
    """Again and again, and each time further on."""
    for steps_done in (1, 5, 11, 15, 19, 22, 25, 28, 31, 33):
        kill_run(source, tmp_path, steps_done=steps_done)
    run_report(home=tmp_path, AMODELS_SGMI_DIR=str(source), **SHORT)
    assert artifacts(tmp_path) == artifacts(undisturbed)
    assert replica_content(tmp_path) == replica_content(undisturbed)


def test_a_run_killed_in_training_ends_the_same_when_run_again(
    undisturbed: Path, source: Path, tmp_path: Path
) -> None:
    """Only the run is killed: the training process must notice and stay out of the way."""
    process = start_run(source, tmp_path)
    steps = tmp_path / "artifacts" / ".staging"
    while not list(steps.glob("training--*/steps/[0-9]*")):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
    kill(process)
    report = run_report(home=tmp_path, AMODELS_SGMI_DIR=str(source), **SHORT)
    assert report["succeeded"]
    assert artifacts(tmp_path) == artifacts(undisturbed)


def kill_run(source: Path, home: Path, *, steps_done: int) -> None:
    """Start a run, and kill it with SIGKILL when so many steps are done."""
    process = start_run(source, home)
    assert process.stderr is not None
    seen = 0
    for line in process.stderr:
        seen += line.startswith("✓")
        if seen == steps_done:
            break
    assert seen == steps_done, "the run ended before it could be killed"
    kill(process)


def start_run(source: Path, home: Path) -> subprocess.Popen[str]:
    """``amodels run`` in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "amodels_assets.cli", "run"],
        cwd=ROOT,
        env=environment(home, AMODELS_SGMI_DIR=str(source), **SHORT),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the run, and not the processes that it started."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


BROKEN = {
    "a missing directory": lambda folder: None,
    "an empty directory": lambda folder: folder.mkdir(),
    "a file in place of a directory": lambda folder: folder.write_text("create table t (x int);"),
    "a file of random bytes": lambda folder: _dump(folder, bytes(range(256)) * 40),
    "a truncated dump": lambda folder: _dump(
        folder,
        b"create database if not exists `d`;\nuse `d`;\n"
        b"CREATE TABLE `whole`(\n  `a` string)\n;\nCREATE TABLE `cut`(\n  `a` string,\n  `b` deci",
    ),
}


def _dump(folder: Path, content: bytes) -> None:
    (folder / "hive-ddl").mkdir(parents=True)
    (folder / "hive-ddl" / "dump.hql").write_bytes(content)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_input_is_one_clear_message(kind: str, tmp_path: Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    BROKEN[kind](source)
    done = amodels("run", home=home, AMODELS_SGMI_DIR=str(source))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    messages = [
        line
        for line in done.stderr.splitlines()
        if line.startswith(("amodels:", "Error:", "blocking"))
    ]
    assert len(messages) == 1, done.stderr
    assert str(source.name) in messages[0] or "dump.hql" in messages[0]
    assert not list((home / "artifacts").glob(".staging/*"))
    # What was read before the cut is kept, but nothing is built on it.
    rooms = {name.rpartition("/")[0] for name in artifacts(home)}
    assert rooms == ({"sgmi/catalog"} if kind == "a truncated dump" else set())


def test_an_unwritable_output_directory_is_one_clear_message() -> None:
    """Nobody, not even root, may create folders in /proc."""
    done = amodels("run", home=Path("/proc/amodels"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "AMODELS_HOME" in done.stderr


def test_an_output_directory_that_is_a_file_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    done = amodels("run", home=tmp_path / "home")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "AMODELS_HOME" in done.stderr
    assert (tmp_path / "home").read_text() == "in the way"


def test_an_artifact_store_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    done = amodels("run", home=tmp_path / "home", AMODELS_ARTIFACTS_URL=str(tmp_path / "store"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "AMODELS_ARTIFACTS_URL" in done.stderr


def test_a_selection_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    done = amodels("run", "--select", "group:(", home=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    shutil.rmtree(tmp_path, ignore_errors=True)


MODULE = ("-m", "amodels_assets.definitions")


def test_dagsters_own_commands_work_in_the_same_environment(
    undisturbed: Path, source: Path
) -> None:
    before = artifacts(undisturbed)
    variables = {"AMODELS_SGMI_DIR": str(source), **SHORT}
    for command in (
        [*("dagster", "asset", "materialize", "--select", USUAL), *MODULE],
        ["dg", "launch", "--assets", USUAL],
        ["dagster", "definitions", "validate"],
    ):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(undisturbed, **variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert artifacts(undisturbed) == before
