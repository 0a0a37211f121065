"""Backup and restore without an engine: what is refused, in which order, and what a kill leaves.

Compose is a stand-in that writes down what it was asked and runs what a container would on folders
of the test. The whole, on a real engine, is in ``tests/integration/deploy/test_containers.py``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.deploy.composed import DEPLOY, PATH

COMPOSE = r"""#!/bin/bash
set -eu
shift 2
printf '%s\n' "${*//$'\n'/ }" >>"$WORLD/calls"
case "$*" in
"ps --services --status running") cat "$WORLD/running" ;;
images) printf 'CONTAINER  REPOSITORY\namodels-postgres-1  postgres\n' ;;
*pg_dump*)
    [[ ! -e $WORLD/pg_dump_fails ]] || exit 1
    [[ ! -e $WORLD/gate ]] || cat "$WORLD/gate"
    echo "PGDMP ${*: -1}"
    ;;
*pg_restore*)
    [[ ! -e $WORLD/pg_restore_fails ]] || exit 1
    cat >/dev/null
    ;;
*" sh "* | *"--entrypoint sh "*)
    script=${*: -1}
    script=${script//\/tmp\/pointers/$WORLD/pointers}
    script=${script//\/var\/lib\/postgresql\/data/$WORLD/postgres}
    script=${script//\/var\/lib\/amodels/$WORLD/home}
    script=${script//\/data/$WORLD/redis}
    sh -c "$script"
    ;;
esac
"""


class World:
    """Volumes of a platform, and the stand-ins for Compose and Docker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backups = folder / "backups"
        for name in ("home", "redis", "postgres"):
            (folder / name).mkdir(parents=True)
        self.runs("code-location", "postgres", "redis")
        for name, text in (("compose", COMPOSE), ("docker", '#!/bin/sh\ncat "$WORLD/containers"')):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        (folder / "containers").touch()
        artifact = folder / "home" / "artifacts" / "room" / "name"
        (artifact / "versions" / "v1").mkdir(parents=True)
        (artifact / "versions" / "v1" / "rows").write_text("rows")
        (artifact / "current").write_text("v1\n")
        (folder / "home" / ".cache").mkdir()
        (folder / "home" / ".cache" / "compiled").write_text("x")
        (folder / "redis" / "dump.rdb").write_text("keys")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": PATH, "WORLD": str(self.folder), "AMODELS_DOCKER_GID": "1",
            "COMPOSE": str(self.folder / "compose"), "DOCKER": str(self.folder / "docker"),
        }  # fmt: skip

    def runs(self, *names: str) -> None:
        """Say which services run."""
        (self.folder / "running").write_text("".join(f"{name}\n" for name in names))

    def calls(self) -> list[str]:
        """What Compose was asked, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def say(self, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts."""
        return subprocess.run(
            [str(DEPLOY / script), *arguments],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    def backup(self) -> Path:
        """Make a backup that has to succeed."""
        done = self.say("backup.sh", str(self.backups))
        assert done.returncode == 0, done.stderr
        (made,) = self.backups.glob("amodels-*")
        (self.folder / "calls").unlink()
        return made

    def lose_all(self) -> None:
        """Empty volumes, and nothing runs."""
        self.runs()
        for name in ("home", "redis", "postgres"):
            shutil.rmtree(self.folder / name)
            (self.folder / name).mkdir()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def place(calls: list[str], words: str) -> int:
    """Where a call with these words stands."""
    (found,) = [number for number, call in enumerate(calls) if words in call]
    return found


def test_a_backup_is_whole_and_says_of_what(world: World) -> None:
    done = world.say("backup.sh", str(world.backups))
    assert done.returncode == 0, done.stderr
    (made,) = world.backups.glob("amodels-*")
    names = {"dagster.dump", "replica.dump", "operations.dump", "home.tar", "redis.tar"}
    assert {path.name for path in made.iterdir()} == {*names, "MANIFEST"}
    manifest = (made / "MANIFEST").read_text()
    for name in names:
        assert f"# bytes {(made / name).stat().st_size} {name}\n" in manifest
    assert "# image amodels-postgres-1 postgres\n" in manifest
    assert "# commit " in manifest
    checked = subprocess.run(["sha256sum", "--check", "--strict", "MANIFEST"], cwd=made, check=True)
    assert checked.returncode == 0
    assert "neo4j does not run and is left out" in done.stdout
    # Nobody else may read it.
    assert made.stat().st_mode & 0o077 == 0
    assert not list(world.backups.glob(".unfinished*"))


def test_what_refers_is_copied_before_what_is_referred_to(world: World) -> None:
    world.backup()
    world.runs("code-location", "postgres", "redis", "neo4j")
    world.say("backup.sh", str(world.folder / "more"))
    calls = world.calls()
    home = place(calls, "find artifacts")
    for database in ("dagster", "replica", "operations"):
        assert place(calls, f"--format=custom --dbname={database}") < home
    for service in ("redis", "neo4j"):
        stopped, started = place(calls, f"stop {service}"), place(calls, f"start {service}")
        assert home < stopped < started
        assert any(f"sh {service} -c" in call for call in calls[stopped:started])


def test_the_current_version_is_read_before_the_versions(world: World) -> None:
    made = world.backup()
    with tarfile.open(made / "home.tar") as archive:
        names = [name.removeprefix("./") for name in archive.getnames()]
    assert names[0] == "artifacts/room/name/current"
    assert names.count("artifacts/room/name/current") == 1
    assert "artifacts/room/name/versions/v1/rows" in names
    assert not [name for name in names if name.startswith(".cache/")]


def nothing_that_looks_like_one(world: World) -> bool:
    return not list(world.backups.glob("amodels-*"))


def test_without_postgresql_there_is_no_backup(world: World) -> None:
    world.runs("code-location")
    done = world.say("backup.sh", str(world.backups))
    assert done.returncode == 1
    assert "PostgreSQL does not run" in done.stderr
    assert nothing_that_looks_like_one(world)


def test_a_backup_that_fails_leaves_nothing(world: World) -> None:
    (world.folder / "pg_dump_fails").touch()
    assert world.say("backup.sh", str(world.backups)).returncode != 0
    assert [path.name for path in world.backups.iterdir()] == [".lock"]


def test_what_was_stopped_runs_again_when_its_copy_fails(world: World) -> None:
    shutil.rmtree(world.folder / "redis")
    done = world.say("backup.sh", str(world.backups))
    assert done.returncode == 1
    assert "the volume of redis cannot be read" in done.stderr
    assert world.calls()[-1] == "start redis"
    assert [path.name for path in world.backups.iterdir()] == [".lock"]


def killed(world: World, number: signal.Signals) -> int:
    """Kill a backup, and all that it started, while it copies a database."""
    os.mkfifo(world.folder / "gate")
    process = subprocess.Popen(
        [str(DEPLOY / "backup.sh"), str(world.backups)],
        env=world.environment,
        start_new_session=True,
    )
    # Opens when the copy has begun.
    with (world.folder / "gate").open("w"):
        os.killpg(process.pid, number)
        status = process.wait(30)
    (world.folder / "gate").unlink()
    return status


def test_a_backup_that_is_ended_leaves_nothing(world: World) -> None:
    assert killed(world, signal.SIGTERM) == 143
    assert [path.name for path in world.backups.iterdir()] == [".lock"]


def test_a_backup_that_is_killed_leaves_what_is_none_and_the_next_removes_it(world: World) -> None:
    assert killed(world, signal.SIGKILL) == -signal.SIGKILL
    assert nothing_that_looks_like_one(world)
    (left,) = world.backups.glob(".unfinished-*")
    refused = world.say("restore.sh", str(left))
    assert refused.returncode == 1
    assert "is no backup" in refused.stderr
    world.backup()
    assert not left.exists()


def test_two_backups_at_a_time_are_refused(world: World) -> None:
    world.backups.mkdir()
    with (world.backups / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = world.say("backup.sh", str(world.backups))
    assert done.returncode == 1
    assert "another backup" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("",), ("a", "b")])
def test_a_restore_asks_for_a_backup(world: World, arguments: tuple[str, ...]) -> None:
    done = world.say("restore.sh", *arguments)
    assert done.returncode == 2
    assert "make restore BACKUP=" in done.stderr
    assert world.calls() == []


def _flip(made: Path) -> None:
    content = bytearray((made / "home.tar").read_bytes())
    content[600] ^= 1
    (made / "home.tar").write_bytes(content)


def _shorten(made: Path) -> None:
    with (made / "dagster.dump").open("r+b") as file:
        file.truncate(3)


def _rewrite(made: Path, old: str, new: str) -> None:
    text = (made / "MANIFEST").read_text()
    assert old in text
    (made / "MANIFEST").write_text(text.replace(old, new))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit is another": (_flip, "the backup is damaged, and nothing was touched"),
    "a file is shorter": (_shorten, "dagster.dump has not the"),
    "a file is missing": (lambda made: (made / "home.tar").unlink(), "home.tar has not the"),
    "no manifest": (lambda made: (made / "MANIFEST").unlink(), "it has no MANIFEST"),
    "another format": (lambda made: _rewrite(made, "format 1", "format 2"), "another format"),
    "cut off": (lambda made: _rewrite(made, "# files 5\n", ""), "MANIFEST is not whole"),
    "elsewhere": (lambda made: _rewrite(made, "  home.tar", "  ../home.tar"), "no backup has"),
    "a database less": (
        lambda made: _rewrite(made, "  replica.dump", "  neo4j.tar"), "replica.dump is missing"
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_touches_nothing(world: World, damage: str) -> None:
    made = world.backup()
    world.lose_all()
    change, sentence = DAMAGES[damage]
    change(made)
    done = world.say("restore.sh", str(made), FORCE="1")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert world.calls() == []


def changes(calls: list[str]) -> list[str]:
    """Calls that change something."""
    words = ("-delete", "up ", "stop", "pg_restore", "--extract")
    return [call for call in calls if any(word in call for word in words)]


def test_what_runs_is_not_restored_over(world: World) -> None:
    made = world.backup()
    done = world.say("restore.sh", str(made))
    assert done.returncode == 1
    assert "code-location, postgres, redis are at work: make down, or FORCE=1" in done.stderr
    assert changes(world.calls()) == []


def test_runs_that_are_at_work_count(world: World) -> None:
    made = world.backup()
    world.lose_all()
    (world.folder / "containers").write_text("0123456789ab\n")
    done = world.say("restore.sh", str(made))
    assert done.returncode == 1
    assert "0123456789ab, which are runs, are at work" in done.stderr
    assert changes(world.calls()) == []


@pytest.mark.parametrize("volume", ["home", "postgres", "redis"])
def test_what_is_there_is_not_deleted(world: World, volume: str) -> None:
    made = world.backup()
    world.lose_all()
    (world.folder / volume / "data").write_text("new")
    done = world.say("restore.sh", str(made))
    assert done.returncode == 1
    assert "FORCE=1 deletes it" in done.stderr
    assert changes(world.calls()) == []
    assert (world.folder / volume / "data").read_text() == "new"


@pytest.mark.parametrize("forced", [False, True])
def test_all_comes_back(world: World, forced: bool) -> None:
    made = world.backup()
    if forced:
        (world.folder / "home" / "newer").write_text("x")
    else:
        world.lose_all()
    done = world.say("restore.sh", str(made), FORCE="1" if forced else "")
    assert done.returncode == 0, done.stderr
    home = world.folder / "home"
    files = {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()}
    assert files == {"artifacts/room/name/current", "artifacts/room/name/versions/v1/rows"}
    assert (world.folder / "redis" / "dump.rdb").read_text() == "keys"
    calls = world.calls()
    assert ("stop" in calls) is forced
    up = place(calls, "up --detach --wait postgres")
    assert up < place(calls, "--dbname=dagster --exit-on-error") < place(calls, "stop postgres")


def test_a_restore_that_fails_says_that_it_is_not_finished(world: World) -> None:
    made = world.backup()
    world.lose_all()
    (world.folder / "pg_restore_fails").touch()
    done = world.say("restore.sh", str(made))
    assert done.returncode != 0
    assert "it is not finished" in done.stderr
    assert "make up" not in done.stdout
