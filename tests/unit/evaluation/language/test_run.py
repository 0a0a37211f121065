"""Models that are really asked: by the command, by the asset in a process, behind an endpoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.evaluation.language.assets import language_assets
from amodels_assets.evaluation.language.checkpoints import current_checkpoints
from amodels_assets.evaluation.language.checks import language_checks
from amodels_assets.evaluation.language.names import PROFILE, QUESTIONS, scores_of
from amodels_assets.evaluation.language.results import read_results
from amodels_assets.models.store import ModelStore
from amodels_assets.training.language.saving import write_language_model
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import GpuResource
from resources.training import TrainingResource
from tests.unit.evaluation.language import models
from tests.unit.evaluation.language.endpoint import serving
from tests.unit.models import tiny


@pytest.fixture
def store(questions_folder: Path, tmp_path: Path) -> ArtifactStore:
    store = ArtifactStore(tmp_path / "artifacts")
    store.publish(
        QUESTIONS,
        inputs={"from": "a test"},
        code_version="1",
        produce=lambda folder: shutil.copytree(questions_folder, folder, dirs_exist_ok=True),
    )
    return store


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets"
    folder.mkdir()
    models.write(folder, "boolq", models.boolq(12))
    models.write(folder, "piqa", models.piqa(12))
    return folder


def run(store: ArtifactStore, home: Path, sets: Path, *words: str) -> Any:
    env = {
        "AMODELS_HOME": str(home),
        "AMODELS_ARTIFACTS_URL": str(store.root),
        "AMODELS_EVAL_DIR": str(sets),
    }
    return CliRunner().invoke(cli, ["scores", "run", *words], env=env)


def checkpoint(home: Path, folder: Path) -> Path:
    """A checkpoint as a training writes it: the base model's size, other weights."""
    base = ModelStore.at(home).get("tiny")
    import torch

    model = tiny.llama()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
    folder.mkdir()
    manifest = {"base": {"name": "tiny", "version": base.manifest.version}, "mode": "full"}
    write_language_model(folder, model, base, manifest)
    return folder


def test_the_command_scores_a_base_model_and_a_checkpoint(
    store: ArtifactStore, home: Path, sets: Path, tmp_path: Path
) -> None:
    folder = checkpoint(home, tmp_path / "tuned")
    done = run(store, home, sets, "tiny", str(folder), "-b", "boolq", "-b", "catalog_qa_choice")
    assert done.exit_code == 0, done.output
    assert "tiny-full@" in done.output
    for name, size in (("boolq", 12), ("catalog_qa_choice", 16)):
        artifact = store.get(scores_of(name))
        results = read_results(artifact)
        assert [r.checkpoint for _, r in results] == ["tiny", "tiny-full"]
        for items, one in results:
            assert items.num_rows == one.set_size == size
            assert one.blind is True
            assert one.truncated == 0
            assert 0 < one.computed_tokens < one.tokens
        first, second = (items["logprobs"].to_pylist() for items, _ in results)
        assert first != second
        assert results[0][0]["prompt_sha256"].equals(results[1][0]["prompt_sha256"])
    kinds = store.get(scores_of("catalog_qa_choice")).table("parts").to_pylist()
    assert {row["part"] for row in kinds} == {"column_type"}
    # The same items of a subset each time.
    again = run(store, home, sets, "tiny", "-b", "boolq", "-n", "5", "--json")
    assert json.loads(again.stdout)[0]["n"] == 5


def test_free_answers_about_the_catalog(store: ArtifactStore, home: Path, sets: Path) -> None:
    done = run(store, home, sets, "tiny", "-b", "catalog_qa", "-n", "4")
    assert done.exit_code == 1
    # The tiny model has room for 128 tokens, which the answers alone would need.
    assert "leave no room for a prompt in a model of 128" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "there is no base model 'nobody'"),
        ([], "name a base model"),
        (["tiny", "-b", "glue"], "no benchmark 'glue'"),
        (["tiny", "-b", "hellaswag"], "HellaSwag needs hellaswag.jsonl"),
        (["--endpoint", "http://127.0.0.1:1/v1/completions"], "needs --endpoint-model"),
    ],
)
def test_what_cannot_be_scored_is_said(
    words: list[str], said: str, store: ArtifactStore, home: Path, sets: Path
) -> None:
    done = run(store, home, sets, *words)
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)


def test_an_endpoint_gives_the_scores_of_the_model_behind_it(
    store: ArtifactStore, home: Path, sets: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = ModelStore.at(home).get("tiny").path
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    with serving(model, AutoTokenizer.from_pretrained(folder)) as server:
        done = run(
            store, home, sets, "tiny", "--endpoint", server.url, "--endpoint-model", "served",
            "--tokenizer", str(folder), "-b", "piqa", "-b", "boolq",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert all(request["model"] == "served" for request in server.requests)
        assert all(request["echo"] for request in server.requests)
    for name in ("piqa", "boolq"):
        results = {one.checkpoint: (items, one) for items, one in read_results(
            store.get(scores_of(name))
        )}  # fmt: skip
        (theirs, how), (ours, _) = results["served"], results["tiny"]
        assert how.backend == "local-completions"
        assert theirs["prediction"].to_pylist() == ours["prediction"].to_pylist()
        assert theirs["correct"].to_pylist() == ours["correct"].to_pylist()
        for mine, other in zip(
            ours["logprobs"].to_pylist(), theirs["logprobs"].to_pylist(), strict=True
        ):
            assert mine == pytest.approx(other, abs=2e-4)


def test_an_endpoint_answers_in_free_text(store: ArtifactStore, home: Path, sets: Path) -> None:
    (sets / "words.yaml").write_text(
        json.dumps(
            {
                "task": "words",
                "dataset_path": "json",
                "test_split": "test",
                "output_type": "generate_until",
                "doc_to_text": "{{question}}",
                "doc_to_target": "{{answer}}",
                "generation_kwargs": {"until": ["day"], "max_gen_toks": 8, "do_sample": False},
                "process_results": "any_alias",
                "metric_list": [
                    {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
                ],
                "metadata": {
                    "fields": [{"question": "string", "answer": "string", "aliases": "strings"}],
                    "answers": ["answer", "aliases"],
                },
            }
        )
    )
    items = [
        {"question": item["goal"], "answer": "row", "aliases": ["row"]} for item in models.piqa(6)
    ]
    models.write(sets, "words", items)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = ModelStore.at(home).get("tiny").path
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    with serving(model, AutoTokenizer.from_pretrained(folder)) as server:
        done = run(
            store, home, sets, "tiny", "--endpoint", server.url, "--endpoint-model", "served",
            "--tokenizer", str(folder), "-b", "words",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    (one, _), (other, _) = read_results(store.get(scores_of("words")))
    assert one["prediction"].to_pylist() == other["prediction"].to_pylist()
    assert len(set(one["prediction"].to_pylist())) > 1


@pytest.fixture
def materialized(
    store: ArtifactStore, home: Path, sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The assets of two benchmarks, the leaderboard and the profile, as Dagster runs them."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("AMODELS_EVAL_DIR", str(sets))
    chosen = ("language_boolq", "language_hellaswag", "language_leaderboard")
    keys = [dg.AssetKey(["evaluation", name]) for name in chosen]
    checks = [c for c in language_checks(sets) if next(iter(c.check_keys)).asset_key in keys]
    selection = dg.AssetSelection.assets(*keys)

    def materialize(base: str = "tiny") -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.get() as instance:
            return dg.materialize(
                [*language_assets(sets), *checks],
                selection=selection,
                resources={
                    "artifact_store": ArtifactStoreResource(root=str(store.root)),
                    "training": TrainingResource(
                        language_model=base, models=str(ModelStore.at(home).root)
                    ),
                    "gpu": GpuResource(device="cpu"),
                    "pipes_subprocess_client": dg.PipesSubprocessClient(),
                },
                instance=instance,
                raise_on_error=False,
            )

    return materialize


def test_the_assets_score_skip_and_refuse(
    materialized: Any, store: ArtifactStore, sets: Path
) -> None:
    result = materialized()
    assert result.success
    made = {
        event.step_materialization_data.materialization.asset_key.path[-1]: {
            name: value.value
            for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.all_events
        if event.is_step_materialization
    }
    # HellaSwag's set is not there: it is skipped, and what is downstream is made all the same.
    assert set(made) == {"language_boolq", "language_leaderboard"}
    assert made["language_boolq"]["dagster/row_count"] == 12
    assert "| tiny@" in made["language_boolq"]["scores"]
    assert "HellaSwag: hellaswag.jsonl with" in made["language_leaderboard"]["leaderboard"]
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert store.checks(scores_of("boolq"))["scores_are_complete"].passed
    assert store.find(scores_of("hellaswag")) is None
    # What is wrong fails with its sentence, and what is not is made all the same.
    items = models.boolq(3)
    del items[1]["passage"]
    models.write(sets, "boolq", items)
    again = materialized("nobody")
    (failure,) = again.get_step_failure_events()
    assert "boolq.jsonl:2 has no passage" in str(failure.step_failure_data.user_failure_data)
    made = [e.asset_key.path[-1] for e in again.get_asset_materialization_events()]
    assert made == ["language_leaderboard"]


def test_a_base_model_that_is_not_there_is_told_how_to_bring(
    store: ArtifactStore, home: Path
) -> None:
    with pytest.raises(ValueError, match="amodels models add"):
        current_checkpoints(store, ModelStore.at(home), "nobody")


def test_the_profile(home: Path) -> None:
    from amodels_assets.evaluation.language.asking import Sources
    from amodels_assets.evaluation.language.checkpoints import base_checkpoint
    from amodels_assets.evaluation.language.profile import as_markdown, profile_all

    store = ModelStore.at(home)
    sources = Sources(None, None, str(store.root), "cpu")
    said: list[str] = []
    checkpoints = [base_checkpoint("tiny", store)]
    rows = profile_all(checkpoints, sources, said.append, batches=(1, 2), lengths=(8, 64))
    assert [(row["batch"], row["length"]) for row in rows] == [(1, 8), (1, 64), (2, 8), (2, 64)]
    assert [text.partition(": ")[2].partition(": ")[2] for text in said] == [
        f"{row['batch']} prompts of {row['length']} tokens" for row in rows
    ]
    for row in rows:
        assert row["first_token_seconds"] > 0
        expected = row["batch"] * row["length"] / row["first_token_seconds"]
        assert row["prefill_tokens_per_second"] == pytest.approx(expected, rel=0.1)
        assert row["decode_tokens_per_second"] > 0
        assert row["peak_memory_bytes"] > 50_000_000
    assert len(as_markdown(rows).splitlines()) == 6
    with pytest.raises(ValueError, match="has room for 128 tokens"):
        profile_all(checkpoints, sources, said.append, batches=(1,), lengths=(128,))
    assert PROFILE == "evaluation/language_profile"
