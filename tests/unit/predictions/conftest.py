"""Two tiny checkpoints of the made-up bank, and a store in which one of them is released."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.training.execution import Execution
from amodels_assets.training.train import train
from serving.gateway.settings import Settings
from tests.unit.predictions.small_release import publish_dataset, publish_release
from tests.unit.serving.running import Running
from tests.unit.training.trained import TINY, silent


@pytest.fixture(scope="session")
def checkpoints(bank_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of two seeds."""
    folders = [tmp_path_factory.mktemp("checkpoint") for _ in range(2)]
    for seed, folder in enumerate(folders):
        config = replace(TINY, steps=2, seed=seed)
        train(bank_dataset, folder, config, silent, Execution("cpu"))
    return folders


@pytest.fixture
def store(tmp_path: Path, bank_dataset: Path, checkpoints: list[Path]) -> ArtifactStore:
    """With the first one released, as ``r-1``."""
    found = ArtifactStore(tmp_path / "artifacts")
    publish_dataset(found, bank_dataset)
    publish_release(found, checkpoints[0], "r-1")
    return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway without model servers."""
    folder = tmp_path_factory.mktemp("gateway")
    settings = Settings.model_validate(
        {"home": folder / "gateway", "artifacts": folder / "artifacts"}
    )
    with Running(settings) as running:
        yield running
