"""Benchmarks of a model that is served, beside the same model asked on this machine."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.evaluation.language.assets import language_assets
from amodels_assets.evaluation.language.names import scores_of
from amodels_assets.evaluation.language.results import read_results
from amodels_assets.models.store import ModelStore
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import GpuResource
from resources.training import TrainingResource
from tests.integration.serving.conftest import Served
from tests.unit.evaluation.language import models
from tests.unit.models.made import put

ITEMS = 40
BENCHMARKS = ("boolq", "piqa")


def test_the_step_of_scores_asks_what_is_served_and_finds_the_same(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, store, home = tmp_path / "sets", ArtifactStore(tmp_path / "artifacts"), tmp_path / "home"
    sets.mkdir()
    models.write(sets, "boolq", models.boolq(ITEMS))
    models.write(sets, "piqa", models.piqa(ITEMS))
    put(ModelStore.at(home), "tiny", served.folder)
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("AMODELS_EVAL_DIR", str(sets))
    monkeypatch.setenv("OPENAI_API_KEY", served.gateway.new_key("infer"))
    with dg.DagsterInstance.get() as instance:
        result = dg.materialize(
            language_assets(sets),
            selection=dg.AssetSelection.assets(
                *[dg.AssetKey(scores_of(name).split("/")) for name in BENCHMARKS]
            ),
            resources={
                "artifact_store": ArtifactStoreResource(root=str(store.root)),
                "training": TrainingResource(
                    language_model="tiny", models=str(ModelStore.at(home).root)
                ),
                "gpu": GpuResource(device="cpu"),
                "pipes_subprocess_client": dg.PipesSubprocessClient(),
            },
            run_config={
                "ops": {"language_scores": {"config": {"endpoint": f"{served.url}/completions"}}}
            },
            instance=instance,
        )
    assert result.success
    agree, asked = 0, 0
    for name in BENCHMARKS:
        results = read_results(store.get(scores_of(name)))
        (ours,) = [items for items, run in results if run.backend == "local"]
        (theirs,) = [items for items, run in results if run.backend == "local-completions"]
        assert ours["item_id"].equals(theirs["item_id"])
        assert ours["prompt_sha256"].equals(theirs["prompt_sha256"])
        predictions = zip(
            ours["prediction"].to_pylist(), theirs["prediction"].to_pylist(), strict=True
        )
        agree += sum(one == other for one, other in predictions)
        asked += ours.num_rows
        assert len(set(ours["prediction"].to_pylist())) > 1
        for one, other in zip(
            ours["logprobs"].to_pylist(), theirs["logprobs"].to_pylist(), strict=True
        ):
            assert one == pytest.approx(other, abs=5e-3)
    assert asked == ITEMS * len(BENCHMARKS)
    assert agree >= 0.98 * asked
    # Asked through the gateway, with the key of the step's environment.
    lines = [line for line in served.gateway.audit_lines() if line["path"] == "/v1/completions"]
    assert len(lines) >= len(BENCHMARKS)
