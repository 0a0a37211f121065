"""How the gateway is, what it counts, and which services register."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running, wait_until
from tests.unit.serving.stand_in import StandIn

SERVICE = {"kind": "predict", "url": "http://127.0.0.1:1"}


def states(gateway: Running) -> dict[str, dict]:
    return {s["name"]: s for s in gateway.ask("GET", "/readyz").json["dependencies"]}


def test_readiness_is_what_is_needed_and_says_since_when(tmp_path: Path) -> None:
    with Running(settings_in(tmp_path, probe_seconds=0.05)) as gateway:
        wait_until(lambda: gateway.ask("GET", "/readyz").status == 200)
        assert not states(gateway)["catalog"]["up"]
        assert "materialize" in states(gateway)["catalog"]["detail"]
        with StandIn() as model_server:
            upstreams = gateway.application.upstreams
            upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
            wait_until(lambda: states(gateway).get("released model", {}).get("up", False))
            since = states(gateway)["upstream a"]["since"]
            looked = states(gateway)["upstream a"]["checked_at"]
            wait_until(lambda: states(gateway)["upstream a"]["checked_at"] > looked)
            assert states(gateway)["upstream a"]["since"] == since
            assert states(gateway)["upstream a"]["latency_ms"] > 0
        wait_until(lambda: gateway.ask("GET", "/readyz").status == 503)
        down = states(gateway)["released model"]
        assert down["needed"]
        assert "cannot be reached" in down["detail"]
        assert down["since"] > since
        assert gateway.ask("GET", "/healthz", key=None).status == 200
        upstreams.path.write_text("{")
        wait_until(lambda: "upstreams" in states(gateway))
        assert "restore it or delete it" in states(gateway)["upstreams"]["detail"]


def test_services_register_and_are_forgotten(tmp_path: Path) -> None:
    declared = {"name": "fixed", "kind": "dagster", "url": "http://127.0.0.1:2", "needed": True}
    settings = settings_in(tmp_path, services=[declared], probe_seconds=0.05)
    with Running(settings) as gateway:
        now = gateway.clock_of_services()

        def names() -> list[str]:
            return [service["name"] for service in gateway.ask("GET", "/services").json]

        said = gateway.ask("PUT", "/services/mine", SERVICE)
        assert said.status == 200
        assert said.json["expires_at"] > 0
        assert names() == ["fixed", "mine"]
        now[0] += settings.service_seconds - 1
        again = gateway.ask("PUT", "/services/mine", SERVICE).json
        assert again["expires_at"] > said.json["expires_at"]
        now[0] += settings.service_seconds - 1
        assert names() == ["fixed", "mine"]
        now[0] += 2
        assert names() == ["fixed"]
        gateway.ask("PUT", "/services/mine", SERVICE)
        assert gateway.ask("DELETE", "/services/mine").status == 204
        assert names() == ["fixed"]
        assert gateway.ask("DELETE", "/services/mine").status == 404
        assert gateway.ask("PUT", "/services/fixed", SERVICE).code == "name_taken"
        # A declared one that is needed and down: not ready.
        wait_until(lambda: "service fixed" in states(gateway))
        assert gateway.ask("GET", "/readyz").status == 503


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://example.com",
        "http://10.0.0.1:80",
        "http://127.0.0.1.example.com",
        "http://user@127.0.0.1",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1?x",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "http://0.0.0.0",
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://",
        "http://127.0.0.1\r\nx: y",
        "",
    ],
)
def test_services_cannot_lead_elsewhere(gateway: Running, url: str) -> None:
    answer = gateway.ask("PUT", "/services/mine", {**SERVICE, "url": url})
    assert (answer.status, answer.code) == (400, "forbidden_address")
    with pytest.raises(ValueError, match=r"URL|machine|more than"):
        gateway.application.upstreams.put("b", url, "r-9", "ready", [])
    assert "r-9" not in gateway.application.upstreams.path.read_text()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("mine", {}),
        ("mine", []),
        ("mine", b"{"),
        ("mine", {**SERVICE, "kind": "other"}),
        ("mine", {**SERVICE, "health": "//evil"}),
        ("mine", {**SERVICE, "health": "/a\r\nb"}),
        ("mine", {**SERVICE, "url": "x" * 300}),
        ("UPPER", SERVICE),
        ("x" * 65, SERVICE),
    ],
)
def test_services_that_say_it_wrongly(gateway: Running, name: str, body: object) -> None:
    headers = {"content-type": "application/json"}
    answer = gateway.ask("PUT", f"/services/{name}", body, headers=headers)
    assert answer.status == 422 or (body == {**SERVICE, "health": "//evil"}), answer.body


def test_figures_say_what_happened_and_name_no_client(gateway: Running) -> None:
    def figure(line: str) -> float:
        text = gateway.ask("GET", "/metrics").body.decode()
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    asked = 'amodels_gateway_requests_total{route="v1",status="404"}'
    tokens = 'amodels_gateway_tokens_total{release="r-1"}'
    before = figure(asked), figure(tokens)
    gateway.ask("POST", "/v1/completions", {"model": "made-up-name", "prompt": "x"})
    gateway.ask("POST", "/v1/completions", {"model": "released", "prompt": "words 5"})
    assert (figure(asked), figure(tokens)) == (before[0] + 1, before[1] + 10)
    assert "amodels_gateway_under_way" in gateway.ask("GET", "/metrics").body.decode()
    assert b"made-up-name" not in gateway.ask("GET", "/metrics").body


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/services/x", {"PUT", "DELETE"}), ("/readyz", {"GET"}), ("/catalog/tables", {"GET"})],
)
def test_other_methods_are_told_which_there_are(
    gateway: Running, path: str, allowed: set[str]
) -> None:
    answer = gateway.ask("PATCH", path)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_a_body_is_bounded_here_too(gateway: Running) -> None:
    answer = gateway.ask("PUT", "/services/mine", b"x" * 70_000)
    assert (answer.status, answer.code) == (413, "body_too_long")


def test_too_many_requests_at_once_are_refused(model_server: StandIn, tmp_path: Path) -> None:
    with Running(settings_in(tmp_path, requests=3, probe_seconds=60)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        body = b'{"model": "released", "prompt": "hang"}'
        head = f"POST /v1/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}"
        sent = f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        asked = len(model_server.asked)
        held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(3)]
        for connection in held:
            connection.sendall(sent)
        wait_until(lambda: len(model_server.asked) == asked + 3)
        answer = gateway.ask("GET", "/v1/models")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        for connection in held:
            connection.close()
        wait_until(lambda: gateway.ask("GET", "/v1/models").status == 200)
