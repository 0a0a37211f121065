"""What is passed on below /v1, asked by OpenAI's own client where that can say it."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running, wait_until
from tests.unit.serving.stand_in import StandIn

USER = {"role": "user"}


@pytest.fixture(scope="module")
def client(gateway: Running) -> Iterator[openai.OpenAI]:
    url = f"{gateway.url}/v1"
    with openai.OpenAI(base_url=url, api_key=gateway.key, max_retries=0) as made:
        yield made


def chat(text: str, **more: object) -> dict[str, object]:
    return {"model": "released", "messages": [{**USER, "content": text}], **more}


def test_a_whole_answer_names_its_release(client: openai.OpenAI, model_server: StandIn) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="released", messages=[{"role": "user", "content": "words 3"}]
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == "w w w "
    assert answer.usage is not None
    assert answer.usage.total_tokens == 8
    assert raw.headers["x-amodels-release"] == "r-1"
    path, headers, asked = model_server.asked[-1]
    assert (path, asked["model"]) == ("/v1/chat/completions", "r-1")
    assert headers["x-request-id"] == raw.headers["x-request-id"]
    assert "authorization" not in headers


def test_a_stream_has_its_words_and_no_more_than_was_asked(client: openai.OpenAI) -> None:
    def events(**more: object) -> list[object]:
        return list(
            client.chat.completions.create(
                model="r-1",
                messages=[{"role": "user", "content": "words 4"}],
                stream=True,
                **more,  # ty: ignore[no-matching-overload]
            )
        )

    plain = events()
    assert [e.choices[0].delta.content for e in plain] == ["w0 ", "w1 ", "w2 ", "w3 "]
    with_usage = events(stream_options={"include_usage": True})
    assert with_usage[-1].usage.total_tokens == 9
    assert with_usage[-1].choices == []
    assert len(with_usage) == 5


def test_parts_come_as_they_are_made(client: openai.OpenAI) -> None:
    # An answer without an end: held back until then, its parts would never come.
    with client.completions.create(model="released", prompt="stall 6", stream=True) as stream:
        assert len(list(itertools.islice(stream, 6))) == 6


def test_embeddings_and_models(gateway: Running, client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == ["r-1", "released"]
    assert client.models.retrieve("released").id == "released"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("candidate")
    answer = gateway.ask("POST", "/v1/embeddings", {"model": "r-1", "input": "words 1"})
    assert answer.status == 200


def test_a_client_that_goes_ends_the_work(client: openai.OpenAI, model_server: StandIn) -> None:
    left = model_server.left
    stream = client.completions.create(model="released", prompt="slowly 2000", stream=True)
    next(iter(stream))
    stream.close()
    wait_until(lambda: model_server.left == left + 1)


def test_a_client_that_goes_before_the_answer_ends_the_work(
    gateway: Running, model_server: StandIn
) -> None:
    left, asked = model_server.left, len(model_server.asked)
    body = json.dumps(chat("hang")).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}"
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: len(model_server.asked) > asked)
    wait_until(lambda: model_server.left == left + 1)
    assert gateway.audit_lines()[-1]["status"] == 499


def test_a_client_that_does_not_read_holds_the_server_back(
    gateway: Running, model_server: StandIn
) -> None:
    """Of 64 MB only what fits into buffers leaves the server."""
    body = json.dumps(chat("flood 4096", stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}"
    before = model_server.sent
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.connect(("127.0.0.1", gateway.port))
        connection.sendall(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: model_server.sent > before)
        last = -1
        while last != model_server.sent:
            last = model_server.sent
            time.sleep(0.3)
        assert model_server.sent - before < 32 * 2**20
        # And once it reads again, more comes.
        for _ in range(400):
            assert connection.recv(65_536)
        wait_until(lambda: model_server.sent > last)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "no_json"),
        (b"[" * 100_000, 400, "no_json"),
        (b'{"model": "\xff"}', 400, "no_json"),
        ('{"model": "r-1"}'.encode("utf-16"), 400, "no_json"),
        (b"[]", 400, "no_object"),
        (b"{}", 400, "model_missing"),
        (b'{"model": 3}', 400, "model_missing"),
        (b'{"model": "unknown"}', 404, "model_not_found"),
        (b'{"model": "candidate"}', 404, "model_not_found"),
        (b'{"model": "http://127.0.0.1:1/"}', 404, "model_not_found"),
        (b'{"model": "../r-1"}', 404, "model_not_found"),
    ],
)
def test_bodies_that_are_refused(
    gateway: Running, model_server: StandIn, body: bytes, status: int, code: str
) -> None:
    asked = len(model_server.asked)
    answer = gateway.ask("POST", "/v1/completions", body)
    assert (answer.status, answer.code) == (status, code)
    assert len(model_server.asked) == asked


@pytest.mark.parametrize("path", ["/v1/load_lora_adapter", "/v1/sleep", "/v1", "/v1/audio"])
def test_what_else_a_model_server_has_is_not_passed_on(
    gateway: Running, model_server: StandIn, path: str
) -> None:
    asked = len(model_server.asked)
    assert gateway.ask("POST", path, {"model": "r-1"}).status == 404
    assert len(model_server.asked) == asked


def test_a_refusal_of_the_server_is_passed_on(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no"):
        client.completions.create(model="released", prompt="refuse")


def test_a_stream_that_breaks_is_no_whole_stream(client: openai.OpenAI, gateway: Running) -> None:
    stream = client.completions.create(model="released", prompt="break 5", stream=True)
    got = []
    with pytest.raises(openai.APIError, match="closed the connection"):
        got.extend(stream)
    line = gateway.audit_lines()[-1]
    assert (line["status"], line["complete"]) == (200, False)
    # Two events, and the prompt by its length.
    assert line["tokens"] > 2


def test_an_answer_that_breaks_before_it_began(gateway: Running) -> None:
    body = gateway.raw(_request(gateway, chat("break")))
    assert b"content-length: 999" in body
    assert body.endswith(b"{")


def _request(gateway: Running, content: object) -> bytes:
    body = json.dumps(content).encode()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}"
        f"\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def test_another_server_is_asked_where_one_cannot_be_reached(
    model_server: StandIn, tmp_path: Path
) -> None:
    with socket.socket() as taken, Running(settings_in(tmp_path)) as gateway:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        upstreams = gateway.application.upstreams
        upstreams.put("dead", nobody, "r-2", "ready", ["released"])
        refused = gateway.ask("POST", "/v1/chat/completions", chat("words 1"))
        assert (refused.status, refused.code) == (503, "upstream_unreachable")
        assert refused.headers["retry-after"] == "5"
        upstreams.put("alive", model_server.url, "r-2", "ready", [])
        for _ in range(3):
            assert gateway.ask("POST", "/v1/chat/completions", chat("words 1")).status == 200
        # One that drains gets nothing new.
        asked = len(model_server.asked)
        upstreams.put("alive", model_server.url, "r-2", "draining", [])
        assert gateway.ask("POST", "/v1/chat/completions", chat("words 1")).status == 503
        assert len(model_server.asked) == asked


def test_answers_that_stand_still_are_ended(model_server: StandIn, tmp_path: Path) -> None:
    left = model_server.left
    with patient_but_for(tmp_path / "answer", model_server, answer_seconds=0.3) as gateway:
        answer = gateway.ask("POST", "/v1/chat/completions", chat("hang"))
        assert (answer.status, answer.code) == (504, "timeout")
    with patient_but_for(tmp_path / "idle", model_server, idle_seconds=1.0) as gateway:
        received = gateway.raw(_request(gateway, chat("stall 1", stream=True)))
        assert b"w0" in received
        assert b"stood still" in received
        assert not received.endswith(b"0\r\n\r\n"), "the stream must not look whole"
    wait_until(lambda: model_server.left == left + 2)
    with patient_but_for(tmp_path / "body", model_server, body_seconds=0.3) as gateway:
        whole = _request(gateway, chat("words 1"))
        slow = gateway.raw(whole[:-1])
        assert slow.startswith(b"HTTP/1.1 408 ")


@contextlib.contextmanager
def patient_but_for(folder: Path, model_server: StandIn, **seconds: float) -> Iterator[Running]:
    """A gateway that waits for nothing but one thing only a moment."""
    with Running(settings_in(folder, **seconds)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        yield gateway


def test_a_client_that_never_reads_is_left(model_server: StandIn, tmp_path: Path) -> None:
    with Running(settings_in(tmp_path, idle_seconds=0.4)) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            connection.connect(("127.0.0.1", gateway.port))
            connection.sendall(_request(gateway, chat("flood 4096", stream=True)))
            wait_until(lambda: gateway.audit_lines() != [])
            assert gateway.audit_lines()[-1]["complete"] is False
            received = 0
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(1_000_000):
                    received += len(part)
        # What was in buffers, and then the end.
        assert received < 32 * 2**20


def test_a_damaged_file_of_upstreams_is_no_crash(model_server: StandIn, tmp_path: Path) -> None:
    with Running(settings_in(tmp_path)) as gateway:
        upstreams = gateway.application.upstreams
        upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        content = upstreams.path.read_text()

        def status() -> int:
            return gateway.ask("POST", "/v1/chat/completions", chat("words 1")).status

        upstreams.path.write_text("{")
        wait_until(lambda: status() == 503)
        answer = gateway.ask("POST", "/v1/chat/completions", chat("words 1"))
        assert answer.code == "upstreams_damaged"
        upstreams.path.write_text(content)
        wait_until(lambda: status() == 200)
