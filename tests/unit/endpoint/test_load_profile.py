"""The load profile: a real load on a gateway, what it comes to, and what it is judged by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.serving.assets import load_profile
from amodels_assets.serving.checks import latency_objectives
from amodels_assets.serving.load import Answered
from amodels_assets.serving.load_profile import LoadError, as_markdown, summarised
from amodels_assets.serving.names import LOAD_PROFILE
from amodels_assets.serving.objectives import Objectives, unmet
from resources.artifact_store import ArtifactStoreResource
from resources.gateway import GatewayResource
from tests.unit.serving.running import Running


def run(
    root: Path, gateway: GatewayResource, load: Mapping[str, Any], objectives: Mapping[str, Any]
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [load_profile, latency_objectives],
        resources={"artifact_store": ArtifactStoreResource(root=str(root)), "gateway": gateway},
        run_config={
            "ops": {
                "load_profile": {"config": dict(load)},
                "serving__load_profile_latency_objectives": {"config": dict(objectives)},
            }
        },
        raise_on_error=False,
    )


SMALL = {"concurrency": [4, 1], "requests": 6, "prompt_words": 5, "answer_tokens": 4}


def test_the_load_is_what_it_says_and_the_profile_what_was_measured(
    gateway: Running, resource: GatewayResource, tmp_path: Path
) -> None:
    before = len(gateway.audit_lines())
    done = run(tmp_path, resource, SMALL, {})
    assert done.success
    asked = gateway.audit_lines()[before:]
    # One to warm up.
    assert len(asked) == 13
    assert {(line["path"], line["model"], line["complete"]) for line in asked} == {
        ("/v1/chat/completions", "released", True)
    }
    made = ArtifactStore(tmp_path).get(LOAD_PROFILE)
    rows = made.table("profile").to_pylist()
    assert [(row["concurrency"], row["requests"], row["failures"]) for row in rows] == [
        (1, 6, 0), (4, 6, 0),
    ]  # fmt: skip
    for row in rows:
        assert 0 < row["first_token_p50"] <= row["first_token_p95"] <= row["latency_p99"]
        # The stand-in answers each with one word.
        assert row["tokens_per_second"] == pytest.approx(row["requests_per_second"], rel=1e-3)
        assert row["requests_per_second"] == pytest.approx(6 / row["seconds"], rel=1e-3)
    told = json.loads(made.verified_file("load.json").read_text())
    assert told["load"] == {"model": "released", **SMALL}
    assert told["releases"] == ["r-1"]
    (event,) = done.asset_materializations_for_node("load_profile")
    assert re.match(r"!\[latency\]\(data:image/png;base64,", str(event.metadata["latency"].value))
    assert "| 4 |" in str(event.metadata["profile"].value)
    (check,) = done.get_asset_check_evaluations()
    assert check.passed
    key = resource.key
    assert all(key.encode() not in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    # Measured anew.
    again = run(tmp_path, resource, SMALL, {})
    assert again.success
    assert ArtifactStore(tmp_path).get(LOAD_PROFILE).path != made.path


def test_objectives_that_are_not_kept_fail_the_check(
    resource: GatewayResource, tmp_path: Path
) -> None:
    done = run(tmp_path, resource, SMALL, {"latency_p95": 1e-6, "up_to": 1})
    (check,) = done.get_asset_check_evaluations()
    assert done.success
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "the 95th percentile of the latency is" in (check.description or "")
    assert "with 4 at once" not in (check.description or "")
    (record,) = ArtifactStore(tmp_path).checks(LOAD_PROFILE).values()
    assert (record.passed, record.blocking) == (False, False)


@pytest.mark.parametrize(
    ("gateway_resource", "says"),
    [
        (GatewayResource(), "no endpoint is configured: set AMODELS_GATEWAY_URL"),
        (GatewayResource(url="http://127.0.0.1:1"), "set AMODELS_GATEWAY_KEY"),
    ],
)
def test_without_an_endpoint_it_is_skipped(
    gateway_resource: GatewayResource, says: str, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    done = run(tmp_path, gateway_resource, {}, {})
    assert done.success
    assert done.asset_materializations_for_node("load_profile") == []
    assert done.get_asset_check_evaluations() == []
    assert ArtifactStore(tmp_path).find(LOAD_PROFILE) is None
    assert says in capfd.readouterr().err


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ({"model": "unknown"}, "does not answer for 'unknown': status 404 (model_not_found)"),
        ({"requests": 0}, "numbers of at least 1"),
        ({"concurrency": []}, "a load needs a model"),
    ],
)
def test_what_cannot_be_measured_says_why(
    load: dict[str, Any], says: str, resource: GatewayResource, tmp_path: Path
) -> None:
    done = run(tmp_path, resource, {**SMALL, **load}, {})
    assert not done.success
    (failed,) = [e for e in done.all_events if e.is_step_failure and e.step_key == "load_profile"]
    assert says in str(failed.step_failure_data.user_failure_data)


def test_a_key_of_no_worth_is_said_and_not_shown(gateway: Running, tmp_path: Path) -> None:
    resource = GatewayResource(url=gateway.url, key=gateway.new_key("catalog"))
    done = run(tmp_path, resource, SMALL, {})
    text = str([e.step_failure_data for e in done.all_events if e.is_step_failure])
    assert "status 403" in text
    assert resource.key not in text


GOOD = Answered(1.0, 0.25, 8, "r-1", "")


def test_a_measurement_in_figures() -> None:
    answers = [replace(GOOD, seconds=float(n)) for n in range(1, 101)]
    answers += [Answered(0.0, None, 0, "", "status 503")] * 25
    point = summarised(4, answers, 50.0)
    assert (point.requests, point.failures, point.requests_per_second) == (125, 25, 2.0)
    assert point.tokens_per_second == 16.0
    assert point.latency_p95 == pytest.approx(np.percentile(range(1, 101), 95))
    assert point.first_token_p99 == 0.25
    with pytest.raises(LoadError, match="none of 25 requests was answered at 4 at once: status"):
        summarised(4, answers[100:], 1.0)


ROW = {"concurrency": 4, "requests": 100, "failures": 0, "first_token_p95": 1.0, "latency_p95": 9.0}
WANTED = Objectives(first_token_p95=1.0, latency_p95=9.0, failed=0.01, up_to=8)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, []),
        ({"failures": 1}, []),
        ({"failures": 2}, ["2.0% of the requests failed"]),
        ({"first_token_p95": 1.01}, ["first token is 1.010 s with 4 at once, wanted 1 s"]),
        ({"latency_p95": float("nan")}, ["latency is nan s"]),
        ({"concurrency": 9, "failures": 100}, ["nothing was measured with 8 clients or fewer"]),
    ],
)
def test_each_objective_can_be_missed(change: dict[str, Any], says: list[str]) -> None:
    found = unmet([{**ROW, **change}], WANTED)
    assert len(found) == len(says)
    assert all(wanted in told for wanted, told in zip(says, found, strict=True))


def test_a_profile_as_a_page() -> None:
    answers = [GOOD] * 4
    rows = [vars(summarised(2, answers, 2.0))]
    assert as_markdown(rows).splitlines()[2].startswith("| 2 | 2.00 | 16.0 | 0.250 s |")


def test_runs_leave_out_what_others_run_and_what_needs_a_server() -> None:
    from amodels_assets.commands.materialize import _job
    from amodels_assets.commands.run import USUAL
    from amodels_assets.definitions import build_definitions

    definitions = build_definitions()
    for select, wanted in ((USUAL, set()), ("*", {LOAD_PROFILE})):
        layer = _job(definitions, select).asset_layer
        names = {key.to_user_string() for key in layer.selected_asset_keys}
        assert {name for name in names if name.startswith("serving/")} == wanted


def test_the_key_comes_from_the_environment_and_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from amodels_assets.configured import configured_resources
    from amodels_assets.settings import from_environment

    unset = configured_resources(from_environment())["gateway"]
    assert isinstance(unset, GatewayResource)
    assert unset.missing.startswith("no endpoint is configured")
    monkeypatch.setenv("AMODELS_GATEWAY_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("AMODELS_GATEWAY_KEY", "amk_secret")
    found = configured_resources(from_environment())["gateway"]
    assert isinstance(found, GatewayResource)
    resolved = found.process_config_and_initialize()
    assert resolved.headers() == {"authorization": "Bearer amk_secret"}
    assert "amk_secret" not in f"{found}{resolved!r}{from_environment()}"
