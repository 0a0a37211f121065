"""A gateway with a stand-in for a model server behind it, and what Dagster is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from resources.gateway import GatewayResource
from serving.gateway.settings import Settings
from tests.unit.serving.running import Running
from tests.unit.serving.stand_in import StandIn


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Its figures are of this process, so that tests look at differences."""
    folder = tmp_path_factory.mktemp("gateway")
    settings = Settings.model_validate(
        {"home": folder / "gateway", "artifacts": folder / "artifacts", "probe_seconds": 0.05}
    )
    with StandIn() as model_server, Running(settings) as running:
        running.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        yield running


@pytest.fixture
def resource(gateway: Running) -> GatewayResource:
    """With a key that may ask everything."""
    return GatewayResource(url=gateway.url, key=gateway.key)
