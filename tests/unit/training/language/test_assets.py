"""The asset of the language model as Dagster runs it, and its check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.commands.run import USUAL
from amodels_assets.definitions import build_definitions
from amodels_assets.models.store import ModelStore
from amodels_assets.training.checkpoint import write_manifest
from amodels_assets.training.language.assets import language_model
from amodels_assets.training.language.checks import language_model_loads
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.inspection import find_problems
from amodels_assets.training.language.loading import load_language_model
from amodels_assets.training.language.names import LANGUAGE_MODEL, QUESTIONS
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import GpuResource
from resources.training import TrainingResource

from .questions import TINY

CHANGES = {
    name: getattr(TINY, name)
    for name in ("threads", "batch_size", "length", "learning_rate", "warmup")
}


@pytest.fixture
def store(questions_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    store = ArtifactStore(tmp_path / "artifacts")
    store.publish(
        QUESTIONS,
        inputs={"from": "a test"},
        code_version="1",
        produce=lambda folder: shutil.copytree(questions_folder, folder, dirs_exist_ok=True),
    )
    return store


def materialize(
    store: ArtifactStore, home: Path, base: str = "tiny", **config: Any
) -> dg.ExecuteInProcessResult:
    resources = {
        "artifact_store": ArtifactStoreResource(root=str(store.root)),
        "training": TrainingResource(
            steps=30, language_model=base, models=str(ModelStore.at(home).root)
        ),
        "gpu": GpuResource(device="cpu"),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }
    settings = {"settings": CHANGES, **config}
    with dg.DagsterInstance.get() as instance:
        return dg.materialize(
            [language_model, language_model_loads],
            resources=resources,
            instance=instance,
            raise_on_error=False,
            run_config={"ops": {"training__language_model": {"config": settings}}},
        )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node("training__language_model")
    return {name: value.value for name, value in event.metadata.items()}


def test_made_once_with_its_figures(store: ArtifactStore, home: Path) -> None:
    result = materialize(store, home)
    assert result.success
    found = metadata(result)
    assert found["base_model"] == "tiny"
    assert (found["mode"], found["questions"], found["steps"]) == ("lora", 24, 30)
    assert found["tokens"] > 1000
    assert 0 < found["validation_loss"] < 10
    assert found["loss"].startswith("![loss](data:image/png;base64,")
    artifact = store.get(LANGUAGE_MODEL)
    base = ModelStore.at(home).get("tiny").manifest.version
    assert artifact.manifest.inputs == {
        QUESTIONS: store.get(QUESTIONS).data_version,
        "models/tiny": base,
    }
    config = LanguageConfig.from_json(artifact.manifest.config)
    assert config == LanguageConfig.for_steps(30).changed(CHANGES)
    assert store.checks(LANGUAGE_MODEL)["language_model_loads"].passed
    assert load_language_model(artifact.path, ModelStore.at(home)).name == "tiny-lora"
    manifest = json.loads((artifact.path / "config.json").read_text())
    assert manifest["data_versions"] == artifact.manifest.inputs
    again = metadata(materialize(store, home))
    assert again["unchanged"]
    assert again["validation_loss"] == found["validation_loss"]
    # What an artifact was made from cannot be taken away.
    variables = {"AMODELS_HOME": str(home), "AMODELS_ARTIFACTS_URL": str(store.root)}
    refused = CliRunner().invoke(cli, ["models", "remove", "tiny", "--yes"], env=variables)
    assert refused.exit_code == 1
    assert "training/language_model" in refused.output
    damage(artifact.path)
    assert "not finite" in find_problems(artifact.path)[0]


def damage(folder: Path) -> None:
    """A weight that is no number, with hashes as they should be."""
    path = next(folder.rglob("adapter_model.safetensors"))
    tensors = load_file(path)
    name = min(tensors)
    save_file({**tensors, name: np.full_like(tensors[name], np.nan)}, path)
    config = json.loads((folder / "config.json").read_text())
    names = [name for name in config.pop("sha256") if name != "config.json"]
    write_manifest(folder, names, config)


@pytest.mark.parametrize(
    ("base", "config", "message"),
    [
        (
            "nowhere",
            {},
            "there is no base model 'nowhere' (there is gemma, tiny): say `amod",
        ),
        ("tiny", {"mode": "half"}, "mode is 'half': give one of full, lora"),
        ("tiny", {"settings": {"depth": 3}}, "there is no setting 'depth'"),
    ],
)
def test_what_cannot_be_trained_fails_with_a_sentence(
    base: str, config: dict[str, Any], message: str, store: ArtifactStore, home: Path
) -> None:
    result = materialize(store, home, base, **config)
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data is not None
    assert message in str(failure.step_failure_data.user_failure_data.description)


def test_a_usual_run_leaves_language_models_out() -> None:
    graph = build_definitions().resolve_asset_graph()
    usual = dg.AssetSelection.from_string(USUAL).resolve(graph)
    extra = dg.AssetSelection.from_string("tag:amodels/extra=language").resolve(graph)
    assert dg.AssetKey(["training", "language_model"]) in extra
    apart = {dg.AssetKey(["serving", "load_profile"]), dg.AssetKey(["operations", "log"])}
    assert not usual & (extra | apart)
    assert not extra & apart
    assert usual | extra | apart == graph.get_all_asset_keys() - graph.external_asset_keys


def test_the_nights_run_leaves_language_models_out() -> None:
    from schedules.train_evaluate_release import JOB

    graph = build_definitions().resolve_asset_graph()
    nightly = JOB.selection.resolve(graph)
    assert dg.AssetKey(["training", "relational_transformer"]) in nightly
    assert dg.AssetKey(["training", "language_model"]) not in nightly
