"""What Dagster sees of a real vLLM behind a gateway: figures, a load profile, objectives."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.serving.assets import load_profile
from amodels_assets.serving.checks import latency_objectives
from amodels_assets.serving.names import LOAD_PROFILE
from resources.artifact_store import ArtifactStoreResource
from resources.gateway import GatewayResource
from sensors.serving import endpoint_observations
from tests.integration.serving.conftest import RELEASE, Served


def test_a_load_on_vllm_is_measured_and_seen(served: Served, tmp_path: Path) -> None:
    gateway = GatewayResource(url=served.gateway.url, key=served.gateway.key)
    before = endpoint_observations(dg.build_sensor_context(), gateway=gateway)
    assert isinstance(before, dg.SensorResult)
    load = {"model": RELEASE, "concurrency": [1, 8], "requests": 16, "prompt_words": 16,
            "answer_tokens": 12}  # fmt: skip
    done = dg.materialize(
        [load_profile, latency_objectives],
        resources={
            "artifact_store": ArtifactStoreResource(root=str(tmp_path)),
            "gateway": gateway,
        },
        run_config={"ops": {"load_profile": {"config": load}}},
    )
    rows = ArtifactStore(tmp_path).get(LOAD_PROFILE).table("profile").to_pylist()
    assert [(row["concurrency"], row["requests"], row["failures"]) for row in rows] == [
        (1, 16, 0), (8, 16, 0),
    ]  # fmt: skip
    for row in rows:
        assert 0 < row["first_token_p50"] < row["latency_p50"]
        # A random model seldom ends by itself.
        assert 1 < round(row["tokens_per_second"] / row["requests_per_second"], 3) <= 12
    # vLLM computes what is asked at once together.
    assert rows[1]["tokens_per_second"] > rows[0]["tokens_per_second"]
    (check,) = done.get_asset_check_evaluations()
    assert check.passed, check.description
    after = endpoint_observations(dg.build_sensor_context(cursor=before.cursor), gateway=gateway)
    assert isinstance(after, dg.SensorResult)
    seen = {name: value.value for name, value in after.asset_events[0].metadata.items()}
    assert seen["requests"] == 33
    assert seen["failed_requests"] == 0
    tokens = seen["tokens_by_release"]
    assert isinstance(tokens, dict)
    assert tokens[RELEASE] > 33 * 16
    assert seen["tokens_per_second"] == pytest.approx(
        tokens[RELEASE] / float(str(seen["window_seconds"])), rel=1e-3
    )
