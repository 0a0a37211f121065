"""What becomes of requests when something fails, with the gateway and servers as processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.model_server.process import process_start
from tests.unit.serving.releases.load import Load
from tests.unit.serving.releases.world import ROOT, Supervised, eventually
from tests.unit.serving.running import PATIENCE, wait_until


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Supervised]:
    with Supervised(tmp_path, **getattr(request, "param", {})) as world:
        yield world


def serving(world: Supervised, weights: bytes = b"one", **behaviour: Any) -> str:
    name = world.publish(weights, **behaviour)
    found = world.decided(name)
    assert found["verdict"] == "accepted", found
    return name


def kill(pid: int) -> None:
    """Kill a server and wait until its connections are closed.

    What it has taken until then fails, as nothing is sent twice.
    """
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: process_start(pid) is None)


@pytest.mark.parametrize("world", [{"hung_seconds": 6, "probe_timeout": 3}], indirect=True)
def test_servers_that_die_or_hang_are_started_anew(world: Supervised) -> None:
    name = serving(world)
    first = world.served_by()["pid"]
    stream = {"model": "released", "prompt": "a", "max_tokens": 500, "stream": True}
    connection = http.client.HTTPConnection(world.gateway["url"].split("//")[1], timeout=PATIENCE)
    headers = {"authorization": f"Bearer {world.key}"}
    connection.request("POST", "/v1/completions", json.dumps(stream), headers)
    answer = connection.getresponse()
    assert answer.readline().startswith(b"data: ")
    os.kill(first, signal.SIGKILL)
    # The stream ends, with an event that says why and without its own end.
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert b"upstream_failed" in cut.value.partial
    assert b"[DONE]" not in cut.value.partial
    connection.close()
    eventually(lambda: process_start(first) is None)
    # A new request waits for the next server instead of failing.
    assert world.ask_well() == name
    second = world.served_by()["pid"]
    assert second != first
    os.kill(second, signal.SIGSTOP)
    eventually(lambda: world.served_by()["pid"] != second)
    assert world.ask_well() == name
    eventually(lambda: second not in world.processes())
    # The gateway itself: its socket outlives it, so a client that comes now only waits.
    gateway = world.gateway["pid"]
    kill(gateway)
    assert world.ask_well() == name
    eventually(lambda: world.gateway["pid"] != gateway)
    # The supervisor: requests go on without it, and the next one finds everything.
    before = (world.served_by(), world.gateway)
    world.kill()
    assert world.ask_well() == name
    world.start()
    eventually(lambda: "runs already" in world.told())
    assert world.ask_well() == name
    assert (world.served_by(), world.gateway) == before
    assert world.verdict(name) is not None
    # Found again, it is still looked after.
    kill(before[0]["pid"])
    os.kill(before[1]["pid"], signal.SIGKILL)
    eventually(lambda: world.gateway["pid"] != before[1]["pid"])
    eventually(lambda: world.ask_well() == name)


def test_what_keeps_it_from_starting_is_said(world: Supervised, tmp_path: Path) -> None:
    def other(home: Path, port: str) -> str:
        command = [sys.executable, "-m", "serving.command", "supervise", "--port", port]
        environment = {**os.environ, "AMODELS_HOME": str(home)}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    eventually(lambda: world.gateway["pid"] > 0)
    assert "another supervisor runs" in other(tmp_path, "0")
    port = world.gateway["url"].rpartition(":")[2]
    assert "cannot be used: Address already in use" in other(tmp_path / "other", port)


def test_an_end_in_the_middle_of_a_trial(world: Supervised) -> None:
    first = serving(world)
    second = world.publish(b"two", start=4)
    eventually(lambda: world.state()["switch"]["phase"] == "starting")
    world.stop()
    assert world.processes() == []
    world.start()

    def both() -> bool:
        """The old one is served while the new one is tried again."""
        state = world.state()
        served = state["servers"][state["deployed"][first]]
        return served["ready"] and state["switch"]["release"] == second

    eventually(both)
    found = world.decided(second)
    assert found["verdict"] == "accepted", found
    eventually(lambda: world.ask_well() == second)


def test_a_disk_that_takes_nothing_stops_nothing(world: Supervised) -> None:
    name = serving(world)
    assert world.process is not None
    # Where the state is written before it takes the old one's place.
    obstacle = world.folder / f".state.json.{socket.gethostname()}.{world.process.pid}"
    obstacle.mkdir()
    second = world.publish(b"two")
    eventually(lambda: "Is a directory" in world.told())
    assert world.ask_well() == name
    kill(world.served_by()["pid"])
    eventually(lambda: "the state cannot be written" in world.told())
    assert world.process.poll() is None
    obstacle.rmdir()
    eventually(lambda: world.state()["released"] == second and world.ask_well() == second)


@pytest.mark.parametrize("world", [{"mode": "one_at_a_time", "in_thread": True}], indirect=True)
def test_without_memory_for_two_requests_wait(world: Supervised) -> None:
    first = serving(world)
    with Load(world, threads=3, events=3) as load:
        load.more(3)
        # It takes a while to start, in which nothing serves.
        second = world.publish(b"two", start=1)
        most = 1
        while world.verdict(second) is None:
            most = max(most, len(world.processes()))
            time.sleep(0.05)
        load.more(6)
        # One that does not start: the old one is started again.
        bad = world.publish(b"three", start="memory")
        assert world.decided(bad)["verdict"] == "rejected"
        load.more(6)
    assert load.failed == []
    assert most == 1
    assert [first, second] == sorted(set(load.served), key=load.served.index)
    assert world.state()["released"] == second


@pytest.mark.parametrize("world", [{"in_thread": True}], indirect=True)
def test_what_fails_again_and_again_is_taken_back(world: Supervised) -> None:
    first = serving(world)
    second = serving(world, b"two")
    # From now on it cannot be started any more.
    world.checkpoint_file(second, "model/behaviour.json").write_text('{"start": "exit"}')
    with Load(world, threads=2, events=2) as load:
        load.more(2)
        os.kill(world.served_by()["pid"], signal.SIGKILL)
        eventually(lambda: world.state()["released"] == first)
        load.more(4)
    assert world.ask_well() == first
    verdict = world.verdict(second)
    assert verdict is not None
    assert (verdict["verdict"], verdict["phase"]) == ("rejected", "serving")
    assert "this model cannot be loaded" in verdict["reason"]
    # Only what its server had taken when it was killed has failed; what came later has waited.
    cut = ("IncompleteRead", "the server closed the connection")
    assert all(any(how in failure for how in cut) for failure in load.failed), load.failed


def test_adapters_come_to_the_server_that_runs(tmp_path: Path) -> None:
    with Supervised(tmp_path, in_thread=True) as world:
        base = world.add_base(adapters=True)
        first = world.publish(b"-a", base=base)
        assert world.decided(first)["verdict"] == "accepted"
        server = world.served_by()
        with Load(world, threads=2, events=3) as load:
            load.more(2)
            second = world.publish(b"-b", base=base)
            accepted = world.decided(second)
            assert accepted["verdict"] == "accepted", accepted
            load.more(2)
        assert load.failed == []
        assert world.ask_well() == second
        assert world.served_by() == server
        (entry,) = world.state()["servers"].values()
        assert entry["model"]["release"] == second
        # Killed, the server comes back with the newer adapter.
        kill(server["pid"])
        eventually(lambda: world.served_by() != server)
        eventually(lambda: world.ask_well() == second)
        world.ask_for("rollback", identity="back")
        assert world.answer("back")["outcome"] == "accepted"
        eventually(lambda: world.ask_well() == first)


@pytest.mark.parametrize("world", [{"in_thread": True}], indirect=True)
def test_rolling_back_does_not_wait_for_streams(world: Supervised, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    first = serving(world, enough=str(enough))
    long = {"model": "released", "prompt": "a", "max_tokens": 5000, "stream": True}
    answers: list[tuple[int, str, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(world.ask(long)))
    thread.start()
    eventually((world.home / "gateway" / "under_way" / f"{first}.lock").exists)
    second = world.publish(b"two")
    wait_until(lambda: world.verdict(second) is not None)
    eventually(lambda: world.state()["switch"]["phase"] == "draining")
    eventually(lambda: world.ask_well() == second)
    old = world.state()["servers"][world.state()["deployed"][first]]["record"]
    world.ask_for("rollback", identity="back")
    assert world.answer("back")["outcome"] == "accepted"
    eventually(lambda: world.ask_well() == first)
    assert thread.is_alive()
    # By the very server that was being left.
    assert world.served_by() == old
    enough.touch()
    thread.join(PATIENCE)
    assert answers[0][0] == 200
    assert answers[0][2].endswith(b"data: [DONE]\n\n")
    world.ask_for("promote", "r-none", identity="none")
    assert "there is no release r-none" in world.answer("none")["detail"]
    world.ask_for("promote", second, identity="again")
    assert world.answer("again")["outcome"] == "accepted"
    eventually(lambda: len(world.processes()) == 1 and world.ask_well() == second)
