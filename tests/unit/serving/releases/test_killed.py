"""The supervisor killed at every step: the next one goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.serving.releases.forked import Forked
from tests.unit.serving.releases.world import Supervised, eventually

# What the state machine does: writes down a step, says what is served, starts and ends processes,
# decides, and takes a request away.
STATE = ("os.rename", "state.json")
EVERY = (STATE, ("os.rename", "upstreams.json"), ("subprocess.Popen", ""), ("os.killpg", ""),
         ("os.rename", ".json"), ("os.remove", "request.json"))  # fmt: skip


def go_on(world: Supervised, released: str) -> None:
    """Let another supervisor go on until all is done, and see that it is as it is to be."""
    supervisor = Forked(world)
    try:
        eventually(lambda: world.answer("go")["outcome"] != "" and not world.state()["switch"])
        eventually(lambda: len(world.processes()) == 1 and len(world.state()["servers"]) == 1)
        assert world.state()["released"] == released
        assert world.processes() == [world.served_by()["pid"]]
        path = world.home / "gateway" / "upstreams.json"
        # It is written right after the state.
        eventually(lambda: len(json.loads(path.read_text())["upstreams"]) == 1)
        routes = json.loads(path.read_text())
        (upstream,) = routes["upstreams"]
        assert (upstream["release"], upstream["state"]) == (released, "ready")
        assert upstream["url"] == world.served_by()["url"]
        assert routes["aliases"]["released"] == released
        rejected = world.answer("go")["outcome"] == "rejected"
        assert routes["aliases"].get("candidate") == (None if rejected else released)
        assert routes["expected"] == []
    finally:
        supervisor.kill()


def forget_answers(world: Supervised) -> None:
    """So that the same request can be made again; no supervisor runs."""
    state = world.state()
    state["answers"] = []
    (world.folder / "state.json").write_text(json.dumps(state))


def kill_at_each(world: Supervised, target: Any, steps: tuple[tuple[str, str], ...]) -> int:
    """Promote again and again, killed a step later each time; how many steps there are."""
    moment = 0
    while True:
        moment += 1
        served = world.state()["released"]
        wanted, expected = target(served)
        world.ask_for("promote", wanted, "go")
        supervisor = Forked(world, moment, steps)

        def done(supervisor: Forked = supervisor) -> bool:
            return supervisor.ended() or bool(
                world.state()["answers"] and not world.state()["switch"]
            )

        eventually(done)
        if not supervisor_died(supervisor):
            # It came to its end before it came to that step.
            supervisor.kill()
            go_on(world, expected)
            return moment - 1
        go_on(world, expected)
        forget_answers(world)


def supervisor_died(supervisor: Forked) -> bool:
    try:
        os.kill(supervisor.pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    world = Supervised(tmp_path, gateway=False, **getattr(request, "param", {}))
    yield world
    for pid in world.processes():
        os.kill(pid, signal.SIGKILL)


def first_two(world: Supervised) -> tuple[str, str]:
    first = world.publish(b"one")
    supervisor = Forked(world)
    try:
        assert world.decided(first)["verdict"] == "accepted"
        second = world.publish(b"two")
        assert world.decided(second)["verdict"] == "accepted"
    finally:
        supervisor.kill()
    return first, second


@pytest.mark.parametrize(
    ("world", "steps", "least"),
    [({}, EVERY, 15), ({"mode": "one_at_a_time"}, (STATE,), 10)],
    indirect=["world"],
)
def test_a_switch_is_gone_through(
    world: Supervised, steps: tuple[tuple[str, str], ...], least: int
) -> None:
    first, second = first_two(world)
    others = {first: second, second: first}
    assert kill_at_each(world, lambda s: (others[s], others[s]), steps) >= least


def test_what_is_bad_is_rejected(world: Supervised) -> None:
    _, served = first_two(world)
    bad = world.publish(b"three", nonsense=True)
    supervisor = Forked(world)
    assert world.decided(bad)["verdict"] == "rejected"
    supervisor.kill()
    assert kill_at_each(world, lambda s: (bad, s), (STATE,)) >= 6
    assert world.state()["released"] == served
