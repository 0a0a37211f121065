"""The code location as a whole: every asset's specification, light to load, nothing forgotten."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from amodels_assets.definitions import build_definitions
from amodels_assets.release.evidence import CHECKPOINT, DATASET, REQUIRED_CHECKS, SCORES

DEFINITIONS = build_definitions()
GRAPH = DEFINITIONS.resolve_asset_graph()
ASSETS = sorted(GRAPH.get_all_asset_keys(), key=lambda key: key.path)
HEAVY = (
    "torch",
    "transformers",
    "vllm",
    "great_expectations",
    "opacus",
    "lm_eval",
    "playwright",
    "lightgbm",
    "sklearn",
    "matplotlib",
    "pandas",
    "numpy",
    "pyarrow",
    "sqlglot",
    "kglite",
)


def checks_of(key: dg.AssetKey) -> dict[str, bool]:
    """Check names of an asset to whether they block."""
    return {k.name: GRAPH.get(k).blocking for k in GRAPH.asset_check_keys if k.asset_key == key}


def test_specifications(snapshot: SnapshotAssertion) -> None:
    found = {}
    for key in ASSETS:
        node = GRAPH.get(key)
        found[key.to_user_string()] = {
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "checks": dict(sorted(checks_of(key).items())),
            "code_version": node.code_version,
        }
    assert found == snapshot(extension_class=JSONSnapshotExtension)


ORDER = (
    "sgmi", "schemas", "graph", "search", "datasets", "training", "evaluation", "privacy",
    "release", "serving", "operations",
)  # fmt: skip


@pytest.mark.parametrize("key", ASSETS, ids=lambda k: k.to_user_string())
def test_every_asset_says_what_it_means_and_whose_it_is(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert len(node.description or "") > 20
    assert node.group_name == key.path[0]
    assert node.group_name in ORDER
    # Dagster lets an observable source have no owner.
    assert node.owners or node.is_observable
    assert node.kinds
    assert node.code_version or node.is_observable


def test_data_flows_one_way() -> None:
    """No asset depends on one of a later room."""
    for key in ASSETS:
        for parent in GRAPH.get(key).parent_keys:
            assert ORDER.index(parent.path[0]) <= ORDER.index(key.path[0])


def test_the_gate_requires_every_blocking_check_of_what_it_judges() -> None:
    declared = set()
    for name in (DATASET, CHECKPOINT, SCORES):
        blocking = {check for check, b in checks_of(dg.AssetKey(name.split("/"))).items() if b}
        declared |= {(name, check) for check in blocking}
    required = {(artifact, check.rpartition(".")[2]) for artifact, check in REQUIRED_CHECKS}
    assert required == declared


def test_loading_imports_nothing_heavy() -> None:
    code = (
        f"import sys, amodels_assets.definitions;print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_resources_can_be_replaced() -> None:
    from resources.artifact_store import ArtifactStoreResource

    other = ArtifactStoreResource(root="/elsewhere")
    found = build_definitions({"artifact_store": other})
    assert found.resources["artifact_store"] is other  # ty: ignore[not-subscriptable]


def test_loading_in_an_environment_that_does_not_exist_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AMODELS_ENV", "production")
    with pytest.raises(ValueError, match="AMODELS_ENV is 'production': give one of dev, "):
        build_definitions()


def test_schedules_sensors_and_jobs_are_registered() -> None:
    repository = DEFINITIONS.get_repository_def()
    assert sorted(s.name for s in repository.schedule_defs) == [
        "delete_expired_checkpoints_weekly",
        "operations_hourly",
        "train_evaluate_release_nightly",
    ]
    assert sorted(s.name for s in repository.sensor_defs) == [
        "changed_dumps",
        "endpoint_observations",
        "failed_runs",
        "objectives",
        "rejected_releases",
    ]
    assert {"delete_expired_checkpoints", "train_evaluate_release", "update_catalog"} <= set(
        repository.job_names
    )
