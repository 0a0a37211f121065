"""What goes on to services: predictions, Dagster's web UI and its WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import PATIENCE, Running, ServerThread, wait_until


class Echo(ServerThread):
    """A stand-in for a service: it answers with what it was asked and repeats messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open = 0
        config = uvicorn.Config(
            self._application,
            log_config=None,
            lifespan="off",
            interface="asgi3",
            ws="websockets-sansio",
        )
        super().__init__(config)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        body = (await receive()).get("body", b"")
        content = {
            "service": self.name,
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": {n.decode(): v.decode() for n, v in scope["headers"]},
            "body": body.decode(),
        }
        headers = [(b"content-type", b"application/json"), (b"x-own", b"1"), (b"keep-alive", b"9")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        (protocol,) = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": protocol})
        self.open += 1
        await send({"type": "websocket.send", "text": f"{self.name} {scope['raw_path'].decode()}"})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "end":
                await send({"type": "websocket.close", "code": 4001, "reason": "asked to"})
                break
            await send({**message, "type": "websocket.send"})
        self.open -= 1


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, Echo]]:
    with Echo("predictions") as one, Echo("operator") as two, Echo("reader") as three:
        yield {"predict": one, "dagster": two, "dagster-read-only": three}


@pytest.fixture(scope="module")
def front(services: dict[str, Echo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    declared = [
        {"name": f"s-{kind}", "kind": kind, "url": service.url}
        for kind, service in services.items()
    ]
    with Running(settings_in(tmp_path_factory.mktemp("front"), services=declared)) as running:
        yield running


def test_predictions_go_to_the_service_of_the_path(front: Running) -> None:
    body = {"keys": [1, 2]}
    answer = front.ask("POST", "/predict/s-predict/rows?at=2026-01-01", body)
    assert answer.status == 201
    asked = answer.json
    assert (asked["method"], asked["path"], asked["query"]) == (
        "POST",
        "/predict/s-predict/rows",
        "at=2026-01-01",
    )
    assert json.loads(asked["body"]) == body
    assert not {"authorization", "cookie"} & set(asked["headers"])
    assert answer.headers["x-own"] == "1"
    assert "keep-alive" not in answer.headers
    assert asked["headers"]["x-request-id"] == answer.headers["x-request-id"]
    for path in ("/predict/unknown", "/predict", "/predict/s-dagster", "/predict/"):
        assert front.ask("POST", path, body).status == 404


def test_a_registered_service_is_asked_until_it_is_silent(
    services: dict[str, Echo], tmp_path: Path
) -> None:
    with Running(settings_in(tmp_path)) as gateway:
        now = gateway.clock_of_services()
        said = {"kind": "predict", "url": services["predict"].url}
        assert gateway.ask("GET", "/predict/mine").status == 404
        assert gateway.ask("PUT", "/services/mine", said).status == 200
        assert gateway.ask("GET", "/predict/mine").json["service"] == "predictions"
        now[0] += gateway.settings.service_seconds + 1
        assert gateway.ask("GET", "/predict/mine").status == 404


@pytest.mark.parametrize(
    ("scope", "service"), [("catalog", "reader"), ("operate", "operator"), ("admin", "operator")]
)
def test_each_role_has_its_web_server(front: Running, scope: str, service: str) -> None:
    key = front.new_key(scope)
    answer = front.ask("POST", "/dagster/graphql", b"{}", key=key)
    assert (answer.json["service"], answer.json["path"]) == (service, "/dagster/graphql")
    assert answer.json["headers"]["x-forwarded-host"] == f"127.0.0.1:{front.port}"
    head = front.ask("HEAD", "/dagster/", key=key)
    assert (head.status, head.body) == (201, b"")
    assert front.ask("GET", "/dagster/runs", key=front.new_key("infer")).status == 403


def test_without_a_read_only_server_readers_get_nothing(
    services: dict[str, Echo], tmp_path: Path
) -> None:
    declared = {"name": "ui", "kind": "dagster", "url": services["dagster"].url}
    with Running(settings_in(tmp_path, services=[declared])) as gateway:
        assert (
            gateway.ask("POST", "/dagster/graphql", b"", key=gateway.new_key("catalog")).status
            == 404
        )
        assert gateway.ask("POST", "/dagster/graphql", b"").status == 201


def test_messages_go_both_ways(front: Running, services: dict[str, Echo]) -> None:
    headers = {"authorization": f"Bearer {front.new_key('catalog')}"}
    url = f"ws://127.0.0.1:{front.port}/dagster/graphql"
    protocol = ["graphql-ws"]
    with connect(url, additional_headers=headers, subprotocols=protocol) as websocket:
        assert websocket.subprotocol == "graphql-ws"
        assert websocket.recv(PATIENCE) == "reader /dagster/graphql"
        for message in ("é" * 1_000, b"\x00\xff" * 50_000):
            websocket.send(message)
            assert websocket.recv(PATIENCE) == message
        websocket.send("end")
        with pytest.raises(Exception, match="4001"):
            websocket.recv(PATIENCE)
    # A client that goes ends it at the service.
    reader = services["dagster-read-only"]
    with connect(url, additional_headers=headers, subprotocols=protocol) as websocket:
        websocket.recv(PATIENCE)
        assert reader.open == 1
    wait_until(lambda: reader.open == 0)


def test_a_revoked_key_ends_its_websocket(front: Running) -> None:
    key = front.new_key("operate")
    headers = {"authorization": f"Bearer {key}"}
    url = f"ws://127.0.0.1:{front.port}/dagster/graphql"
    with connect(url, additional_headers=headers, subprotocols=["graphql-ws"]) as websocket:
        websocket.recv(PATIENCE)
        front.application.keys.revoke(key.split("_")[1])
        with pytest.raises(Exception, match="revoked"):
            websocket.recv(PATIENCE)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/dagster/graphql", {}, 401),
        ("/dagster/graphql", {"authorization": "Bearer amk_x"}, 401),
        ("/v1/realtime", {"authorization": "{key}"}, 404),
        ("/dagster/../v1", {"authorization": "{key}"}, 400),
        ("/dagster/graphql", {"cookie": "{cookie}", "origin": "http://evil.example"}, 403),
        ("/dagster/graphql", {"cookie": "{cookie}"}, 403),
    ],
)
def test_websockets_that_are_refused(
    front: Running, path: str, headers: dict[str, str], status: int
) -> None:
    from serving.gateway.sessions import Sessions

    sessions = Sessions(front.settings.home / "session.secret", 1)
    identity = front.key.split("_")[1]
    cookie = sessions.cookie(identity, secure=False).split(";")[0]
    filled = {n: v.format(key=f"Bearer {front.key}", cookie=cookie) for n, v in headers.items()}
    url = f"ws://127.0.0.1:{front.port}{path}"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers=filled, subprotocols=["graphql-ws"])
    assert refused.value.response.status_code == status


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    declared = {"name": "ui", "kind": "dagster", "url": "http://127.0.0.1:1"}
    with Running(settings_in(tmp_path, services=[declared])) as gateway:
        assert gateway.ask("GET", "/dagster/").status == 503
        headers = {"authorization": f"Bearer {gateway.key}"}
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{gateway.port}/dagster/x", additional_headers=headers)
        assert refused.value.response.status_code == 502
