"""What a request may look like: everything else is refused with a 4xx and harms nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving.gateway import server
from tests.unit.serving.running import Running


@pytest.fixture(autouse=True)
def _still_well(gateway: Running) -> Iterator[None]:
    yield
    assert gateway.ask("GET", "/v1/models").status == 200


def request(gateway: Running, target: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    head = [b"POST " + target + b" HTTP/1.1", b"host: x", b"connection: close"]
    key = b"authorization: Bearer " + gateway.key.encode()
    return b"\r\n".join([*head, key, *lines, b"", b""]) + body


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/../metrics",
        b"/v1/./models",
        b"/v1/%2e%2e/metrics",
        b"/v1/%2E%2e%2fmetrics",
        b"/v1/..%2fmetrics",
        b"/v1/%252e%252e/metrics",
        b"//v1/models",
        b"/v1//models",
        b"/v1\\models",
        b"/v1/%5cmodels",
        b"/v1/%00",
        b"/v1/%0d%0ax:y",
        b"/v1/%ff%fe",
        b"/v1/\xc3\xa9",
        b"/v1/\xff",
        b"/catalog/%c0%ae%c0%ae/x",
        b"*",
        b"v1/models",
        b"/v1/" + b"x" * 5_000,
    ],
)
def test_paths_with_two_readings(gateway: Running, target: bytes) -> None:
    status = gateway.raw(request(gateway, target, b"content-length: 0")).split(b" ", 2)[1]
    assert status in {b"400", b"404", b"414"}
    if not target.startswith((b"v1", b"*")):
        assert status != b"404"


@pytest.mark.parametrize(
    "lines",
    [
        [b"content-length: 2", b"transfer-encoding: chunked"],
        [b"content-length: 2", b"content-length: 3"],
        [b"content-length: 2", b"content-length: 2"],
        [b"content-length: -1"],
        [b"content-length: +2"],
        [b"content-length: 0x2"],
        [b"content-length: 2 2"],
        [b"content-length: " + b"9" * 40],
        [b"transfer-encoding: chunked, identity"],
        [b"transfer-encoding: xchunked"],
        [b"transfer-encoding: chunked", b"transfer-encoding: chunked"],
        [b"transfer-encoding : chunked"],
        [b"transfer-encoding:\x0bchunked"],
        [b"host: other"],
        [b"authorization: Bearer other"],
        [b"x: a\rb"],
        [b"x: a\x00b"],
        [b" folded: x"],
        [b"x\xff: y"],
        [b": nameless"],
        [b"x: " + b"y" * 10_000],
        [b"x%d: " % n + b"y" * 1_000 for n in range(10)],
        [b"x%d: y" % n for n in range(3_000)],
    ],
)
def test_headers_with_two_readings(gateway: Running, lines: list[bytes]) -> None:
    smuggled = b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    received = gateway.raw(request(gateway, b"/v1/completions", *lines, body=smuggled))
    assert received.startswith((b"HTTP/1.1 4", b"")) or not received
    if received:
        assert received.split(b" ", 2)[1][:1] == b"4"
    assert b'"data"' not in received, "what was smuggled in was answered"


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
        b"\xff\xfe" * 40_000,
    ],
)
def test_what_is_no_http(gateway: Running, content: bytes) -> None:
    received = gateway.raw(content)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")


def test_headers_without_an_end(gateway: Running) -> None:
    received = gateway.raw(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 200_000)
    assert received == b"" or received.startswith(b"HTTP/1.1 431 ")


def test_headers_that_come_slowly(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 1.0)
    assert gateway.raw(b"GET / HTTP/1.1\r\nhost:") == b""
    assert gateway.raw(b"") == b""
    with gateway.connection() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        received = b""
        while not received.endswith(b"ok\n"):
            part = connection.recv(65_536)
            assert part, received
            received += part
        # The next one on the same connection, too.
        connection.sendall(b"GET /he")
        assert connection.recv(65_536) == b""


def test_bodies_that_are_too_long(gateway: Running) -> None:
    most = gateway.settings.body_bytes
    said = request(gateway, b"/v1/completions", b"content-length: %d" % (most + 1))
    assert gateway.raw(said).startswith(b"HTTP/1.1 413 ")
    chunks = b"%x\r\n" % (most + 1) + b"x" * (most + 1) + b"\r\n0\r\n\r\n"
    sent = request(gateway, b"/v1/completions", b"transfer-encoding: chunked", body=chunks)
    try:
        received = gateway.raw(sent)
    except (BrokenPipeError, ConnectionResetError):
        return
    assert received == b"" or received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("target", [b"/healthz", b"/v1/nothing", b"/metrics"])
def test_a_body_that_nobody_reads_does_not_go_on(gateway: Running, target: bytes) -> None:
    """The connection ends with the answer, so that nobody can send for ever."""
    head = b"GET " + target + b" HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    received = gateway.raw(head + b"5\r\nhello\r\n")
    assert b"connection: close" in received
    assert received.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 401 "))


def test_names_of_requests(gateway: Running) -> None:
    def name(given: str) -> str:
        answer = gateway.ask("GET", "/v1/models", headers={"x-request-id": given})
        return answer.headers["x-request-id"]

    assert name("a.B-9_") == "a.B-9_"
    for odd in ("a b", "é", "x" * 129, ""):
        assert name(odd) != odd
        assert len(name(odd)) == 32
