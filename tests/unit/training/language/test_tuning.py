"""Fine-tuning from the base model to the checkpoint: resumed, refused, loaded again."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from amodels_assets.cli import cli
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import BaseModel, ModelStore
from amodels_assets.training.checkpoint import CheckpointError, latest_step
from amodels_assets.training.execution import Execution
from amodels_assets.training.language import model
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.loading import load_language_model, version_of
from amodels_assets.training.language.material import load_material
from amodels_assets.training.language.tuning import tune
from amodels_assets.training.loop_config import ConfigError
from amodels_assets.training.work import TrainingError, TrainingResult

from ..trained import silent, start, wait_until
from .questions import TINY

CPU = Execution("cpu")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def settings_of(config: LanguageConfig) -> list[str]:
    """The same settings as options of the command."""
    raw = config.to_json()
    plain = {name: value for name, value in raw.items() if name not in ("adapter", "mode")}
    plain |= {f"adapter.{name}": value for name, value in raw["adapter"].items()}
    options = [
        part
        for name, value in plain.items()
        for part in ("--set", f"{name}={json.dumps(value) if value != '' else ''}")
    ]
    return ["--mode", config.mode, *options]


@pytest.fixture(scope="module", params=["lora", "full"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def config(mode: str) -> LanguageConfig:
    return TINY.changed({"mode": mode})


@pytest.fixture(scope="module")
def tuned(
    config: LanguageConfig,
    questions_folder: Path,
    base: BaseModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, TrainingResult]:
    """A checkpoint of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("tuned")
    return folder, tune(questions_folder, folder, config, base, silent, execution=CPU)


def test_killed_and_gone_on_with_the_very_same_weights(
    tuned: tuple[Path, TrainingResult],
    config: LanguageConfig,
    questions_folder: Path,
    home: Path,
    base: BaseModel,
    tmp_path: Path,
) -> None:
    process = start(
        *("language", str(questions_folder), str(tmp_path), "--base", "tiny"),
        *settings_of(config),
        AMODELS_HOME=str(home),
    )
    wait_until(process, lambda: latest_step(tmp_path).step is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    step = latest_step(tmp_path).step
    assert step is not None
    assert 0 < step.number < config.steps
    result = tune(questions_folder, tmp_path, config, base, silent, execution=CPU)
    assert result.resumed_from == step.number
    assert files(tmp_path) == files(tuned[0])


def test_a_step_holds_what_is_trained_and_nothing_twice(
    config: LanguageConfig, questions_folder: Path, base: BaseModel, tmp_path: Path
) -> None:
    taken: list[int] = []
    tune(
        questions_folder,
        tmp_path,
        config,
        base,
        lambda step, steps, metrics: taken.append(step),
        execution=CPU,
    )
    stopping = tmp_path / "stopping"
    with pytest.raises(KeyboardInterrupt):
        tune(questions_folder, stopping, config, base, interrupted_at(9), execution=CPU)
    step = latest_step(stopping).step
    assert step is not None
    assert step.number == 9
    trained = sum(tensor.size for tensor in step.tensors.values())
    manifest = json.loads((tmp_path / "config.json").read_text())
    assert trained == manifest["trained_parameters"]
    if config.mode == "lora":
        assert all(".lora_" in name for name in step.tensors)
    # The best is of step 8, so it stands here beside the optimizer's two moments.
    kinds = {name.partition(".")[0] for name in step.state}
    assert kinds == {"optimizer", "best"}
    sizes = [tensor.size for name, tensor in step.state.items() if not name.endswith("|step")]
    assert sum(sizes) == 3 * trained


def interrupted_at(last: int) -> Any:
    def progress(step: int, steps: int, metrics: object) -> None:
        if step == last:
            raise KeyboardInterrupt

    return progress


def test_it_learns(tuned: tuple[Path, TrainingResult]) -> None:
    folder, result = tuned
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    looks = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert looks[-1] < looks[0]
    assert result.figures["validation_loss"] == min(looks)


def test_what_a_checkpoint_says_of_itself(
    tuned: tuple[Path, TrainingResult], config: LanguageConfig, base: BaseModel
) -> None:
    manifest = json.loads((tuned[0] / "config.json").read_text())
    assert manifest["architecture"] == "LlamaForCausalLM"
    assert manifest["mode"] == config.mode
    assert manifest["training"] == json.loads(json.dumps(config.to_json()))
    assert manifest["base"] == {"name": "tiny", "version": base.manifest.version}
    assert manifest["privacy"] is None
    assert set(manifest["data_versions"]) == {"datasets/catalog_questions", "models/tiny"}
    assert manifest["result"]["steps"] == config.steps
    assert (manifest["questions"], manifest["too_long"]) == (24, 0)
    assert {"peft", "torch", "transformers"} <= set(manifest["libraries"])
    assert all(path.stat().st_mode & 0o044 for path in tuned[0].rglob("*.*"))
    there = {name for name in files(tuned[0]) if name != "metrics.jsonl"}
    assert set(manifest["sha256"]) == there
    assert str(base.path) not in "".join(
        text.decode(errors="ignore") for name, text in files(tuned[0]).items() if ".json" in name
    )


def test_transformers_and_peft_load_it(
    tuned: tuple[Path, TrainingResult],
    config: LanguageConfig,
    questions_folder: Path,
    home: Path,
    base: BaseModel,
) -> None:
    """What the look measured is what the loaded model says, token by token."""
    folder = tuned[0]
    loaded = load_language_model(folder, ModelStore.at(home))
    assert loaded.name == f"tiny-{config.mode}"
    assert loaded.manifest is not None
    assert loaded.version == version_of(loaded.manifest)
    if config.mode == "full":
        own = AutoModelForCausalLM.from_pretrained(folder / "model")
        tokenizer = AutoTokenizer.from_pretrained(folder / "model")
        assert tokenizer.chat_template == loaded.tokenizer.chat_template
    else:
        from peft import PeftModel

        own = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base.path, dtype="float32"), folder / "adapter"
        )
    material = load_material(questions_folder, base.path, config)
    total, count, right = 0.0, 0, 0
    for one in material.validation:
        tokens = torch.from_numpy(one.tokens.astype(np.int64))
        answer = int(one.assistant.sum())
        with torch.inference_mode():
            logits = loaded.model(input_ids=tokens[None]).logits[0]
            again = own(input_ids=tokens[None]).logits[0]
        torch.testing.assert_close(again, logits, rtol=1e-4, atol=1e-4)
        wanted = tokens[-answer:]
        total += float(torch.nn.functional.cross_entropy(logits[-answer - 1 : -1], wanted) * answer)
        count += answer
        said = loaded.model.generate(
            tokens[None, :-answer], max_new_tokens=answer, do_sample=False, pad_token_id=2
        )
        right += said[0].tolist() == tokens.tolist()
    figures, precision = tuned[1].figures, loaded.manifest["precision"]
    # The look is in the training's own precision, which is the processor's.
    tolerance = {"float32": 1e-4, "bfloat16": 1e-2}[precision]
    assert figures["validation_loss"] == pytest.approx(total / count, rel=tolerance)
    assert figures["validation_exact"] == right / len(material.validation)


def test_merged_into_one_folder(
    tuned: tuple[Path, TrainingResult], home: Path, tmp_path: Path
) -> None:
    env = {"AMODELS_HOME": str(home)}
    arguments = ["train", "merge", str(tuned[0]), str(tmp_path / "out")]
    done = CliRunner().invoke(cli, arguments, env=env)
    assert done.exit_code == 0, done.output
    loaded = load_language_model(tuned[0], ModelStore.at(home))
    own = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert own.dtype == torch.float32
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(own.state_dict()[name], tensor)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.chat_template == loaded.tokenizer.chat_template
    again = CliRunner().invoke(cli, arguments, env=env)
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert "is there already" in again.output


def test_a_damaged_checkpoint_is_refused(
    tuned: tuple[Path, TrainingResult], home: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tuned[0], damaged)
    path = next(damaged.rglob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        load_language_model(damaged, ModelStore.at(home))


def test_an_adapter_goes_with_its_own_base_model_only(
    questions_folder: Path, base: BaseModel, home: Path, tmp_path: Path
) -> None:
    tune(questions_folder, tmp_path / "out", TINY, base, silent, execution=CPU)
    elsewhere = ModelStore.at(tmp_path)
    with pytest.raises(ModelError, match="there is no base model 'tiny'"):
        load_language_model(tmp_path / "out", elsewhere)
    other = tmp_path / "models" / "tiny"
    shutil.copytree(home / "models" / "gemma", other)
    manifest = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**manifest, "name": "tiny"}))
    with pytest.raises(ModelError, match="another version of tiny"):
        load_language_model(tmp_path / "out", elsewhere)


def test_a_base_model_by_name(home: Path, base: BaseModel) -> None:
    loaded = load_language_model("tiny", ModelStore.at(home))
    assert (loaded.name, loaded.version) == ("tiny", base.manifest.version)
    assert loaded.manifest is None


def test_a_damaged_base_model_is_refused_in_one_sentence(
    questions_folder: Path, home: Path, tmp_path: Path
) -> None:
    shutil.copytree(home / "models" / "tiny", tmp_path / "models" / "tiny")
    path = tmp_path / "models" / "tiny" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    base = ModelStore.at(tmp_path).get("tiny")
    with pytest.raises(TrainingError) as refusal:
        tune(questions_folder, tmp_path / "out", TINY, base, silent, execution=CPU)
    assert str(refusal.value) == (
        "the base model tiny is damaged: model.safetensors is damaged: its content is not what "
        "was added: remove it and add it again"
    )


def test_where_the_processor_multiplies_bfloat16_it_is_used(
    questions_folder: Path, base: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is trained stays float32, also where this machine only imitates the instructions."""
    monkeypatch.setattr(model, "_multiplies_bfloat16", lambda: True)
    for mode in ("lora", "full"):
        folder = tmp_path / mode
        config = TINY.changed({"mode": mode, "steps": 2})
        tune(questions_folder, folder, config, base, silent, execution=CPU)
        manifest = json.loads((folder / "config.json").read_text())
        assert manifest["precision"] == "bfloat16"
        for path in folder.rglob("*.safetensors"):
            assert {tensor.dtype for tensor in load_file(path).values()} == {np.dtype("float32")}


def test_a_base_model_without_a_chat_template_is_refused(
    questions_folder: Path, base: BaseModel, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(base.path, folder, ignore=shutil.ignore_patterns("chat_template*"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(TrainingError, match="no chat template"):
        load_material(questions_folder, folder, TINY)


def test_each_mode_has_a_rate_of_its_own() -> None:
    assert LanguageConfig.for_steps(0) == LanguageConfig()
    full = LanguageConfig.for_steps(0, "full")
    assert full.learning_rate < LanguageConfig().learning_rate / 5
    assert LanguageConfig.for_steps(9, "full").evaluate_every == 5


def test_another_training_in_the_same_folder_is_refused(
    questions_folder: Path, base: BaseModel, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(questions_folder, tmp_path, TINY, base, interrupted_at(4), execution=CPU)
    other = TINY.changed({"adapter.rank": 2})
    with pytest.raises(TrainingError, match="another training"):
        tune(questions_folder, tmp_path, other, base, silent, execution=CPU)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "some"}, "give one of full, lora"),
        ({"adapter.rank": 0}, "adapter.rank is 0"),
        ({"adapter.dropout": 1.0}, "adapter.dropout is 1.0"),
        ({"closed_book": 1.5}, "closed_book is 1.5: give 0 to 1"),
        ({"length": 0}, "length is 0"),
        ({"adapter.depth": 2}, "those below adapter."),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LanguageConfig().changed(changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adapter.first_block": 2}, "the model has the blocks 0 to 1"),
        ({"adapter.modules": "up_proj, nowhere_proj_x"}, None),
        ({"adapter.modules": "nowhere"}, "cannot have this adapter"),
    ],
)
def test_adapters(
    changes: dict[str, object],
    message: str | None,
    questions_folder: Path,
    base: BaseModel,
    tmp_path: Path,
) -> None:
    config = TINY.changed({"steps": 1, **changes})
    if message is not None:
        with pytest.raises(TrainingError, match=message):
            tune(questions_folder, tmp_path, config, base, silent, execution=CPU)
        return
    tune(questions_folder, tmp_path, config, base, silent, execution=CPU)
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(".up_proj." in name for name in tensors)
