"""A real vLLM that hangs, is killed in mid-stream, or never starts; and one with an adapter."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from serving.model_server.process import ServedModel, ServerFailed, adopt, group_members
from serving.model_server.vllm import BASE_NAME, VllmLauncher
from tests.integration.serving.conftest import START_SECONDS, Served, serving
from tests.unit.serving.running import wait_until

IDLE_SECONDS = 3
PROMPT = "the table holds one row per account"
LONG: Any = {"ignore_eos": True}


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter with random weights, as a training writes it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype="float32")
    # As trainings of the platform adapt: every linear layer.
    tuned = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    tuned.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def broken(
    launcher: VllmLauncher,
    tiny_model: Path,
    adapter: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """A server of its own with an adapter, which the tests below break in their order."""
    folder = tmp_path_factory.mktemp("broken")
    model = ServedModel("tuned-1", tiny_model, adapter)
    with serving(
        launcher, model, folder, answer_seconds=IDLE_SECONDS, idle_seconds=IDLE_SECONDS
    ) as found:
        yield found


def local_logprobs(model: Any, ids: list[int]) -> list[float]:
    import torch

    with torch.no_grad():
        logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return [logprobs[place, token].item() for place, token in enumerate(ids[1:])]


def test_an_adapter_is_served_as_the_release(
    broken: Served, tiny_model: Path, adapter: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype="float32").eval()
    ids = AutoTokenizer.from_pretrained(tiny_model)(PROMPT)["input_ids"]
    wanted = {BASE_NAME: local_logprobs(base, ids)}
    wanted["tuned-1"] = local_logprobs(PeftModel.from_pretrained(base, adapter).eval(), ids)
    assert wanted[BASE_NAME] != pytest.approx(wanted["tuned-1"], abs=0.1)
    with openai.OpenAI(base_url=f"{broken.server.url}/v1", api_key="none") as direct:
        for name, logprobs in wanted.items():
            answer = direct.completions.create(
                model=name, prompt=ids, max_tokens=1, echo=True, logprobs=1
            )
            found = answer.choices[0].logprobs.token_logprobs
            assert found[1 : len(ids)] == pytest.approx(logprobs, abs=1e-3)
    with broken.client() as client, pytest.raises(openai.NotFoundError):
        client.completions.create(model=BASE_NAME, prompt=PROMPT)


def test_a_server_that_hangs_is_given_up_and_serves_again_when_it_goes_on(broken: Served) -> None:
    server = broken.server
    with broken.client() as client:
        for number in group_members(server.pid):
            os.kill(number, signal.SIGSTOP)
        try:
            with pytest.raises(openai.InternalServerError) as failed:
                client.completions.create(model="released", prompt=PROMPT, max_tokens=4)
            assert failed.value.status_code == 504
            assert server.alive()
            assert not server.healthy(1)
        finally:
            for number in group_members(server.pid):
                os.kill(number, signal.SIGCONT)
        server.wait_ready(60)
        answer = client.completions.create(
            model="released", prompt=PROMPT, max_tokens=4, extra_body=LONG
        )
        assert answer.usage.completion_tokens == 4


def test_a_server_that_is_killed_in_mid_stream(broken: Served) -> None:
    server = broken.server
    found = adopt(server.record)
    assert found is not None
    with broken.client() as client:
        stream = client.completions.create(
            model="released", prompt=PROMPT, stream=True, max_tokens=450, extra_body=LONG
        )
        parts = iter(stream)
        assert next(parts).choices
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(openai.APIError, match="the server closed the connection"):
            list(parts)
        wait_until(lambda: not server.alive())
        assert not found.alive()
        with pytest.raises(openai.InternalServerError) as failed:
            client.completions.create(model="released", prompt=PROMPT)
        assert failed.value.status_code == 503
        assert failed.value.response.headers["retry-after"]
    with pytest.raises(ServerFailed, match="ended by signal 9"):
        server.wait_ready(START_SECONDS)
    # The engine is a process of its own, and is not left behind.
    server.stop(10)
    assert group_members(server.pid) == []


def test_a_server_that_cannot_start_says_why_at_once(
    launcher: VllmLauncher, tiny_model: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.2.mlp.down_proj.weight"
    weights[name] = weights[name][:64].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    server = launcher.launch(ServedModel("r-1", folder), log=tmp_path / "log")
    try:
        before = time.monotonic()
        with pytest.raises(ServerFailed) as failed:
            server.wait_ready(10 * START_SECONDS)
        assert time.monotonic() - before < START_SECONDS
    finally:
        server.stop(10)
    assert failed.value.reason == "r-1: its server ended with exit status 1"
    # What the engine's process met with, and not only that it did not start.
    assert "AssertionError" in failed.value.tail
    assert group_members(server.pid) == []
