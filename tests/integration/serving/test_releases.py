"""Releases with a real vLLM, under a load of streams: an adapter, another, a whole model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from amodels_assets.models.store import ModelStore
from serving.gateway.http_client import Pool
from serving.model_server.vllm import ENVIRONMENT, VllmLauncher
from serving.releases.canary import read_canary
from serving.releases.settings import ReleaseSettings
from serving.releases.trial import RejectedError, try_release
from tests.integration.serving.conftest import START_SECONDS
from tests.integration.serving.real_releases import SETTINGS, publish_adapter, publish_model
from tests.unit.models.made import put
from tests.unit.serving.releases.load import Load
from tests.unit.serving.releases.published import BASE, RELEASED
from tests.unit.serving.releases.world import Supervised


@pytest.fixture
def world(launcher: VllmLauncher, tmp_path: Path) -> Any:
    environment = {ENVIRONMENT: str(launcher.environment)}
    with Supervised(tmp_path, environment=environment, **SETTINGS) as world:
        yield world


def test_traffic_moves_from_release_to_release(world: Supervised, tiny_model: Path) -> None:
    base = put(ModelStore.at(world.home), BASE, tiny_model)
    first = publish_adapter(world, base, 1)
    assert world.decided(first, START_SECONDS)["verdict"] == "accepted", world.told()
    server = world.served_by()
    found = []
    with Load(world, threads=2) as load:
        load.more(4, 60)
        # Into the server that runs.
        second = publish_adapter(world, base, 2)
        found.append(world.decided(second, START_SECONDS))
        load.more(4, 60)
        assert world.served_by() == server
        # Beside it.
        third = publish_model(world, base, 0.5)
        found.append(world.decided(third, START_SECONDS))
        load.more(4, 60)
    assert [verdict["verdict"] for verdict in found] == ["accepted"] * 2, found
    assert load.failed == []
    for served in load.of_threads:
        assert served == sorted(served, key=(first, second, third).index)
    assert {*load.served} == {first, second, third}
    # What vLLM answers is what transformers answered when the model was released.
    assert all(verdict["figures"]["logprob_difference"] < 0.02 for verdict in found), found
    # The server does not pass for another release.
    (version,) = (
        version.path
        for version in world.store.versions(RELEASED)
        if json.loads((version.path / "release.json").read_text())["release"] == first
    )
    stored = read_canary(json.loads((version / "canary.json").read_text()))
    trial = try_release(
        *(Pool(), world.served_by()["url"], third, stored, ReleaseSettings()),
        old=("", ""),
        old_seconds=None,
        compare=False,
    )
    with pytest.raises(RejectedError, match="nats from the stored ones"):
        asyncio.run(trial)
