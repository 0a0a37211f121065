"""The asset of the private language model and the check of its statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from amodels_assets.artifacts import ArtifactStore, digest
from amodels_assets.evaluation.language.checkpoints import artifact_checkpoint
from amodels_assets.models.store import ModelStore
from amodels_assets.privacy.assets import PrivateLanguageModelConfig, private_language_model
from amodels_assets.privacy.checks import statement_holds
from amodels_assets.privacy.inspection import find_problems
from amodels_assets.privacy.names import PRIVATE_LANGUAGE_MODEL
from amodels_assets.privacy.randomness import KEY_FILE
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import GpuResource
from resources.training import TrainingResource
from tests.unit.training.language.conftest import (  # noqa: F401 (fixtures)
    base,
    home,
    questions_folder,
)

SETTINGS = {"batch_size": 3, "length": 128, "threads": 1, "adapter.modules": ""}


def materialize(
    home: Path,  # noqa: F811
    store: ArtifactStore,
    **privacy: object,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [private_language_model, statement_holds],
        resources={
            "artifact_store": ArtifactStoreResource(root=str(store.root)),
            "training": TrainingResource(
                steps=2, language_model="tiny", models=str(ModelStore.at(home).root)
            ),
            "gpu": GpuResource(device="cpu"),
            "pipes_subprocess_client": dg.PipesSubprocessClient(),
        },
        run_config=dg.RunConfig(
            ops={
                "training__private_language_model": PrivateLanguageModelConfig(
                    privacy=privacy, settings=SETTINGS
                )
            }
        ),
        raise_on_error=False,
    )


@pytest.fixture(scope="module")
def store(
    home: Path,  # noqa: F811
    questions_folder: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> ArtifactStore:
    """A store with questions and a private model."""
    store = ArtifactStore(tmp_path_factory.mktemp("store"))

    def copy(folder: Path) -> None:
        for path in questions_folder.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    store.publish("datasets/catalog_questions", inputs={}, code_version="1", produce=copy)
    done = materialize(home, store, epsilon=4.0, accountant="rdp")
    assert done.success
    (evaluation,) = done.get_asset_check_evaluations()
    assert evaluation.passed, evaluation.description
    assert evaluation.blocking
    (event,) = done.asset_materializations_for_node("training__private_language_model")
    assert 3.9 < event.metadata["epsilon"].value <= 4  # ty: ignore[unsupported-operator]
    assert event.metadata["unit"].value == "sequence"
    return store


def test_its_manifest_carries_the_statement_and_no_key(store: ArtifactStore) -> None:
    made = store.get(PRIVATE_LANGUAGE_MODEL)
    manifest = json.loads((made.path / "config.json").read_text())
    assert manifest["privacy"]["source"] == "datasets/catalog_questions"
    assert manifest["privacy"]["noise"] == "secret"
    assert artifact_checkpoint(made).name == "tiny-lora-private"
    assert not (made.path / KEY_FILE).exists()
    assert find_problems(made.path) == []


def test_a_privacy_setting_that_cannot_be_fails_in_one_sentence(
    home: Path,  # noqa: F811
    store: ArtifactStore,
) -> None:
    done = materialize(home, store, epsilon=-1.0)
    assert not done.success
    (failure,) = done.get_step_failure_events()
    assert "privacy.epsilon is -1.0" in str(failure.step_failure_data.error)


def lie(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["privacy"].update(changes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lie(epsilon=1.0), "come to an epsilon of"),
        (lie(noise_multiplier=0.4), "come to an epsilon of"),
        (lie(steps=1), "another number of steps"),
        (lie(noise="seeded"), "can be computed again"),
        (lie(unit="person"), "unit is 'person'"),
        (lambda manifest: manifest.update(privacy=None), "no privacy statement"),
    ],
)
def test_a_statement_that_is_not_that_of_the_steps_is_found(
    store: ArtifactStore, tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    made = store.get(PRIVATE_LANGUAGE_MODEL).path
    manifest = json.loads((made / "config.json").read_text())
    hashes = manifest.pop("sha256")
    change(manifest)
    for name in hashes:
        if name != "config.json":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((made / name).read_bytes())
    (tmp_path / "metrics.jsonl").write_bytes((made / "metrics.jsonl").read_bytes())
    complete = {**manifest, "sha256": {**hashes, "config.json": digest(manifest)}}
    (tmp_path / "config.json").write_text(json.dumps(complete))
    assert any(problem in found for found in find_problems(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({**complete, "step": 0}))
    assert "damaged" in find_problems(tmp_path)[0]


def test_a_training_loss_or_a_key_beside_the_checkpoint_is_found(
    store: ArtifactStore, tmp_path: Path
) -> None:
    made = store.get(PRIVATE_LANGUAGE_MODEL).path
    for path in (p for p in made.rglob("*") if p.is_file()):
        target = tmp_path / path.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tmp_path / KEY_FILE).write_bytes(b"k" * 32)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "loss": 1.0}\n')
    problems = find_problems(tmp_path)
    assert len(problems) == 2
    assert "still there" in problems[0]
    assert "training data" in problems[1]
