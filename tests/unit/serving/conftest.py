"""A gateway on a free port, and model servers that it passes requests on to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.gateway.settings import Settings
from tests.unit.serving.running import Running
from tests.unit.serving.stand_in import StandIn


@pytest.fixture(scope="module")
def model_server() -> Iterator[StandIn]:
    """A stand-in for a model server."""
    with StandIn() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(model_server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with the stand-in as what is released."""
    folder = tmp_path_factory.mktemp("gateway")
    with Running(settings_in(folder)) as running:
        running.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        yield running


def settings_in(folder: Path, **changes: object) -> Settings:
    """Settings of a gateway that lives in a folder."""
    return Settings.model_validate(
        {"home": folder / "home", "artifacts": folder / "artifacts", **changes}
    )
