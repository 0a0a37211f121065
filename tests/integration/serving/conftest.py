"""A real vLLM with a tiny model behind a real gateway, started once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from serving.model_server.process import ServedModel, ServerProcess
from serving.model_server.vllm import VllmLauncher
from tests.integration.processes import ROOT
from tests.integration.serving.tiny_gemma import write_tiny_gemma
from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running

START_SECONDS = 300
RELEASE = "tiny-1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process starts vLLM and does all that needs it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.service)
            item.add_marker(pytest.mark.xdist_group("vllm"))


@dataclass(frozen=True)
class Served:
    """A model server behind a gateway."""

    server: ServerProcess
    gateway: Running
    folder: Path

    @property
    def url(self) -> str:
        """For OpenAI's clients."""
        return f"{self.gateway.url}/v1"

    def client(self) -> openai.OpenAI:
        """OpenAI's own, which tries nothing twice."""
        return openai.OpenAI(base_url=self.url, api_key=self.gateway.key, max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def launcher() -> VllmLauncher:
    """Starts the vLLM that ``make serving`` installs."""
    made = VllmLauncher(ROOT / ".venv-serving")
    if made.on_cpu() is None:
        pytest.skip("there is no vLLM in .venv-serving: say make serving")
    return made


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a Gemma 3 with random weights."""
    return write_tiny_gemma(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def served(
    launcher: VllmLauncher, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The tiny model, released."""
    folder = tmp_path_factory.mktemp("served")
    with serving(launcher, ServedModel(RELEASE, tiny_model), folder) as found:
        yield found


@contextmanager
def serving(
    launcher: VllmLauncher, model: ServedModel, folder: Path, **settings: object
) -> Iterator[Served]:
    """Serve a model until the end of a with block."""
    server = launcher.launch(model, log=folder / "vllm.log")
    try:
        server.wait_ready(START_SECONDS)
        with Running(settings_in(folder, **settings)) as gateway:
            gateway.application.upstreams.put("a", server.url, model.release, "ready", ["released"])
            yield Served(server, gateway, model.folder)
    finally:
        server.stop(20)
