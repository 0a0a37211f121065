"""Releases under a steady load: the good one is served, the others are not, nothing fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.serving.releases.load import Load
from tests.unit.serving.releases.world import Supervised, eventually


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path, slowest_ratio=2) as world:
        yield world


def flip(folder: Path) -> None:
    """Change one bit of the weights; their size stays."""
    path = folder / "model" / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "corrupted file": ({"damage": flip}, "verifying", "model.safetensors is not what was released"),
    "does not start": ({"start": "exit"}, "starting", "this model cannot be loaded"),
    "out of memory": ({"start": "memory"}, "starting", "CUDA out of memory"),
    "nonsense": ({"nonsense": True}, "canary", "nats from the stored ones"),
    "three times slower": ({"seconds": 0.3}, "canary", "times as long"),
    "no stored answers": ({"without_canary": True}, "verifying", "no stored answers"),
}


def test_only_what_is_good_is_served_and_no_request_fails(world: Supervised) -> None:
    first = world.publish(b"one", seconds=0.1)
    assert world.decided(first)["verdict"] == "accepted"
    with Load(world) as load:
        load.more(8)
        good = world.publish(b"two", seconds=0.1)
        accepted = world.decided(good)
        assert accepted["verdict"] == "accepted", accepted
        assert {check["check"] for check in accepted["checks"]} == {
            *("files", "answers without an error", "tokens", "log-probabilities", "answers"),
            "latency",
        }
        load.more(8)
        for name, (behaviour, phase, says) in BAD.items():
            bad = world.publish(name.encode(), **{"seconds": 0.1, **behaviour})
            rejected = world.decided(bad)
            assert (rejected["verdict"], rejected["phase"]) == ("rejected", phase), rejected
            assert says in rejected["reason"]
            assert world.state()["released"] == good
            load.more(4)
    assert load.failed == []
    assert (load.served[0], load.served[-1]) == (first, good)
    # Once it was seen, nobody is given the old one any more.
    for served in load.of_threads:
        assert served == sorted(served, key=(first, good).index)
    eventually(lambda: len(world.processes()) == 1)
    # A rejected version is not tried again, also by the next supervisor.
    world.stop()
    world.start()
    eventually(lambda: len(world.processes()) == 1 and world.ask_well() == good)
    assert world.told().count("manifest, verifying") == 2 + len(BAD)
