"""What the audit log says of answers that failed, by which releases are judged."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from serving.gateway.http_client import HIGH_WATER
from serving.gateway.usage import EventStream
from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running, wait_until
from tests.unit.serving.stand_in import StandIn


def last_line(gateway: Running, before: int) -> dict[str, Any]:
    wait_until(lambda: len(gateway.audit_lines()) > before, 60)
    return gateway.audit_lines()[-1]


@pytest.mark.parametrize(
    ("prompt", "stream", "status", "error"),
    [
        ("words 3", True, 200, ""),
        ("words 3", False, 200, ""),
        ("refuse", False, 400, ""),
        ("break 3", False, 200, "upstream_failed"),
        ("break 3", True, 200, "upstream_failed"),
        ("stall 1", True, 200, "timeout"),
        ("hang", False, 504, "timeout"),
    ],
)
def test_a_line_says_what_went_wrong(
    model_server: StandIn, tmp_path: Path, prompt: str, stream: bool, status: int, error: str
) -> None:
    with Running(settings_in(tmp_path, answer_seconds=1, idle_seconds=1)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        asked = {"model": "released", "prompt": prompt, "stream": stream}
        try:
            gateway.ask("POST", "/v1/completions", asked)
        except http.client.IncompleteRead:
            assert error
        line = last_line(gateway, 0)
        assert (line["release"], line["status"], line["error"]) == ("r-1", status, error)
        assert line["complete"] is (status != 200 or not error)


def test_a_client_that_reads_nothing_is_told_from_a_server_that_says_nothing(
    model_server: StandIn, tmp_path: Path
) -> None:
    with Running(settings_in(tmp_path, idle_seconds=1)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        # More than the sockets on the way hold.
        asked = {"model": "released", "prompt": "flood 5000", "stream": True}
        body = json.dumps(asked).encode()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HIGH_WATER)
            connection.connect(("127.0.0.1", gateway.port))
            connection.sendall(
                b"POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
                % (gateway.key.encode(), len(body), body)
            )
            line = last_line(gateway, 0)
        assert (line["status"], line["complete"]) == (200, False)
        assert line["error"] == "client_stalled"


def event(**content: Any) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("last", "failed"),
    [
        (event(error={"message": "EngineCore died", "code": 500}), True),
        (event(error={"message": "no", "type": "BadRequestError", "code": 400}), False),
        (event(choices=[{"text": 'data: {"error": {"code": 500}}\n\n'}]), False),
        (event(choices=[]), False),
    ],
)
def test_a_stream_that_ends_with_an_error_is_known(last: bytes, failed: bool) -> None:
    sent = event(choices=[{"text": "a"}]) + last + b"data: [DONE]\n\n"
    for size in (1, 7, len(sent)):
        stream = EventStream(10, hide_usage=False)
        passed = b"".join(stream.feed(sent[n : n + size]) for n in range(0, len(sent), size))
        assert passed + stream.end() == sent
        assert stream.failed is failed
