"""The endpoint as an asset: its figures, the sensor that looks at it, the check that asks it."""

from __future__ import annotations

import json
import math
import socket
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.serving.checks import endpoint_is_ready
from amodels_assets.serving.endpoint import (
    EndpointError,
    Look,
    Readiness,
    as_metadata,
    percentile,
    read_metrics,
    read_readiness,
    traffic,
)
from resources.gateway import GatewayResource, GatewayUnavailableError
from sensors.serving import ENDPOINT_KEY, endpoint_observations
from tests.unit.serving.running import Running, wait_until

INF = math.inf


@pytest.mark.parametrize(
    ("bounds", "share", "found"),
    [
        ([], 0.5, None),
        ([(1.0, 0.0), (INF, 0.0)], 0.5, None),
        ([(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 0.5, 1.0),
        ([(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 0.75, 1.5),
        ([(1.0, 0.0), (2.0, 4.0), (INF, 4.0)], 0.25, 1.25),
        # Nobody knows how far beyond the largest bound it was.
        ([(1.0, 1.0), (2.0, 2.0), (INF, 100.0)], 0.95, 2.0),
    ],
)
def test_percentiles_of_histograms(
    bounds: list[tuple[float, float]], share: float, found: float | None
) -> None:
    assert percentile(bounds, share) == found


@given(
    st.lists(st.floats(0.001, 99), min_size=1, max_size=60),
    st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_percentile_is_in_the_bucket_of_the_true_one(times: list[float], share: float) -> None:
    edges = [0.01, 0.1, 1.0, 10.0, 100.0, INF]
    bounds = [(edge, float(sum(t <= edge for t in times))) for edge in edges]
    found = percentile(bounds, share)
    true = sorted(times)[max(0, math.ceil(share * len(times)) - 1)]
    upper = next(edge for edge in edges if true <= edge)
    lower = max([0.0, *(edge for edge in edges if edge < upper)])
    assert found is not None
    assert lower <= found <= upper


def look(at: float, requests: float = 0, failed: float = 0, tokens: float = 0) -> Look:
    quick = {"v1 0.5": requests, "v1 1.0": requests + failed, "v1 inf": requests + failed}
    return Look(
        at, {"v1 200": requests, "v1 503": failed}, quick, {}, {"r-1": tokens} if tokens else {}
    )


def test_what_happened_is_the_difference_of_two_looks() -> None:
    seen = traffic(look(100, 10, 1, 500), look(110, 30, 2, 900))
    assert (seen.seconds, seen.requests, seen.failed) == (10, 21, 1)
    assert (seen.tokens, seen.tokens_per_second) == ({"r-1": 400}, 40)
    # 20 of 21 within half a second.
    assert seen.latency["v1 p50"] == pytest.approx(0.5 * 10.5 / 20)
    assert seen.latency["v1 p99"] == pytest.approx(0.5 + 0.5 * (0.99 * 21 - 20))
    assert seen.first_byte == {}


@pytest.mark.parametrize("before", [None, look(100, 50, 1), look(200, 1), look(50, 0, 5)])
def test_after_a_restart_it_is_all_since_then(before: Look | None) -> None:
    seen = traffic(before, look(120, 3, 0, 7))
    assert (seen.seconds, seen.requests, seen.tokens_per_second) == (None, 3, None)
    assert "tokens_per_second" not in as_metadata(Readiness(True, ()), seen)


def test_a_look_is_kept_as_text() -> None:
    kept = look(3, 1, 2, 3)
    assert Look.from_json(kept.to_json()) == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["at", "requests", "seconds", "first_byte", "tokens", "ready", "dependencies", "up"]
            ),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)


@given(JSON.map(json.dumps) | st.text())
def test_a_damaged_cursor_is_refused(text: str) -> None:
    try:
        found = Look.from_json(text)
    except EndpointError:
        return
    assert math.isfinite(found.at)


@given(st.sampled_from([200, 503]), JSON.map(json.dumps).map(str.encode) | st.binary())
def test_any_readiness_is_read_or_refused(status: int, body: bytes) -> None:
    try:
        found = read_readiness(status, body)
    except EndpointError:
        return
    assert found.ready <= (status == 200)


LINES = st.lists(
    st.builds(
        "{}{{{}}} {}".format,
        st.sampled_from(
            ["amodels_gateway_requests_total", "amodels_gateway_request_seconds_bucket", "other"]
        ),
        st.sampled_from(
            ['route="v1",status="200"', 'route="v1",le="0.5"', 'route="', "", 'le="+Inf"']
        ),
        st.sampled_from(["1", "-1", "NaN", "+Inf", "1e400", "x", ""]),
    ),
    max_size=4,
).map("\n".join)


@given((LINES | st.text()).map(str.encode) | st.binary())
def test_any_metrics_are_read_or_refused(body: bytes) -> None:
    try:
        found = read_metrics(200, body, 1.0)
    except EndpointError:
        return
    assert all(math.isfinite(n) and n >= 0 for n in found.counters().values())
    # And what follows from it can be shown.
    as_metadata(Readiness(True, ()), traffic(None, found))


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_ask_is_said(status: int) -> None:
    with pytest.raises(EndpointError, match="set AMODELS_GATEWAY_KEY to a key with the scope oper"):
        read_metrics(status, b"", 0)
    with pytest.raises(EndpointError, match="/readyz answers 404: is it aModels"):
        read_readiness(404, b"")
    with pytest.raises(EndpointError, match="has none of a gateway's figures"):
        read_metrics(200, b"# nothing\n", 0)


def tick(resource: GatewayResource, cursor: str | None = None) -> Any:
    return endpoint_observations(dg.build_sensor_context(cursor=cursor), gateway=resource)


def events(result: Any) -> tuple[dict[str, Any], dg.AssetCheckEvaluation]:
    observation, evaluation = result.asset_events
    assert observation.asset_key == evaluation.asset_key == ENDPOINT_KEY
    return {name: value.value for name, value in observation.metadata.items()}, evaluation


def test_the_sensor_reports_what_happened_since_it_looked(
    gateway: Running, resource: GatewayResource
) -> None:
    # The upstream is looked at before the gateway says that it is ready.
    wait_until(lambda: gateway.ask("GET", "/readyz").status == 200)
    first = tick(resource)
    body = {"model": "released", "messages": [{"role": "user", "content": "words 3"}]}
    for _ in range(4):
        assert gateway.ask("POST", "/v1/chat/completions", body).status == 200
    seen, evaluation = events(tick(resource, first.cursor))
    assert (seen["ready"], seen["requests"], seen["failed_requests"]) == (True, 4, 0)
    assert seen["tokens_by_release"] == {"r-1": 4 * 8}
    assert seen["tokens_per_second"] == pytest.approx(32 / seen["window_seconds"], rel=1e-3)
    assert 0 < seen["latency v1 p50"] <= seen["latency v1 p95"] <= seen["latency v1 p99"]
    assert seen["first byte v1 p50"] > 0
    assert evaluation.passed
    assert evaluation.check_name == "endpoint_is_ready"
    # A cursor that somebody damaged costs no observation.
    again, _ = events(tick(resource, "{"))
    assert "window_seconds" not in again


def test_a_dependency_that_is_down_fails_the_check(
    gateway: Running, resource: GatewayResource
) -> None:
    wait_until(lambda: gateway.ask("GET", "/readyz").status == 200)
    assert endpoint_is_ready(resource).passed
    gateway.application.upstreams.path.write_text("{")
    wait_until(lambda: gateway.ask("GET", "/readyz").status == 503)
    seen, evaluation = events(tick(resource))
    assert seen["ready"] is False
    assert not evaluation.passed
    assert any("upstreams.json" in told for told in seen["down"])
    found = endpoint_is_ready(resource)
    assert not found.passed
    assert "upstreams.json" in (found.description or "")


def test_an_endpoint_that_is_away_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        resource = GatewayResource(
            url=f"http://127.0.0.1:{closed.getsockname()[1]}", key="amk_secret"
        )
        seen, evaluation = events(tick(resource, "kept"))
        assert tick(resource, "kept").cursor == "kept"
        assert not endpoint_is_ready(resource).passed
    assert seen["ready"] is False
    assert not evaluation.passed
    assert "cannot be asked (Connection refused)" in (evaluation.description or "")
    assert "amk_secret" not in f"{seen}{evaluation}{resource}{caplog.text}"


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("", "", "no endpoint is configured: set AMODELS_GATEWAY_URL and AMODELS_GATEWAY_KEY"),
        ("http://127.0.0.1:1", "", "there is no key for http://127.0.0.1:1"),
    ],
)
def test_without_an_endpoint_it_is_skipped(url: str, key: str, says: str) -> None:
    resource = GatewayResource(url=url, key=key)
    skipped = tick(resource)
    assert isinstance(skipped, dg.SkipReason)
    assert says in (skipped.skip_message or "")
    found = endpoint_is_ready(resource)
    assert not found.passed
    assert says in (found.description or "")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://a:b", "http://a/b", "x"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(GatewayUnavailableError, match="no http://host:port"):
        GatewayResource(url=url, key="amk_x").connect()
