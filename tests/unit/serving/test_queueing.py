"""Requests for a release that is starting wait, some of them, for a while."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving.gateway.addresses import parse_address
from serving.gateway.queueing import Queue
from serving.gateway.under_way import is_under_way
from serving.gateway.upstreams import Routes, Upstream
from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import PATIENCE, Answer, Running, wait_until
from tests.unit.serving.stand_in import StandIn

BODY = {"model": "released", "prompt": "words 1"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    settings = settings_in(tmp_path, queue_requests=2, queue_seconds=PATIENCE)
    with Running(settings) as running:
        yield running


class Waiting:
    """A request that is being answered."""

    def __init__(self, gateway: Running, model: str = "released") -> None:
        self.answer: Answer | None = None
        self._thread = threading.Thread(target=self._ask, args=(gateway, {**BODY, "model": model}))
        self._thread.start()

    def _ask(self, gateway: Running, body: dict) -> None:
        self.answer = gateway.ask("POST", "/v1/completions", body)

    def ended(self) -> Answer:
        self._thread.join(PATIENCE)
        assert self.answer is not None
        return self.answer


def tell(gateway: Running, *, expected: list[str], aliases: dict[str, str]) -> None:
    path = gateway.settings.home / "upstreams.json"
    found = json.loads(path.read_text()) if path.exists() else {"upstreams": []}
    found |= {"schema_version": 1, "expected": expected, "aliases": aliases}
    aside = path.with_suffix(".aside")
    aside.write_text(json.dumps(found))
    aside.rename(path)
    wait_until(lambda: gateway.application.upstreams.routes().aliases == aliases)


def waiting(gateway: Running, number: int) -> None:
    def are() -> bool:
        return f"amodels_gateway_waiting {number}.0" in gateway.ask("GET", "/metrics").body.decode()

    wait_until(are)


def test_what_waits_is_answered_by_whatever_the_alias_leads_to_then(gateway: Running) -> None:
    tell(gateway, expected=["r-1"], aliases={"released": "r-1"})
    first, second = Waiting(gateway), Waiting(gateway, "r-1")
    waiting(gateway, 2)
    # The queue is full.
    refused = gateway.ask("POST", "/v1/completions", BODY)
    assert (refused.status, refused.code) == (503, "release_starting")
    assert int(refused.headers["retry-after"]) > 0
    with StandIn() as server:
        gateway.application.upstreams.put("b", server.url, "r-2", "ready", ["released"])
        assert first.ended().status == 200
        assert first.ended().headers["x-amodels-release"] == "r-2"
        # The other one asked for a release by its name, which is not there: it still waits.
        waiting(gateway, 1)
        gateway.application.upstreams.put("c", server.url, "r-1", "ready", [])
        assert second.ended().headers["x-amodels-release"] == "r-1"
        waiting(gateway, 0)
        lines = gateway.audit_lines()
        assert sorted((line["status"], line["release"]) for line in lines) == [
            *((200, "r-1"), (200, "r-2"), (503, ""))
        ]


def test_what_is_not_there_in_time_is_refused(tmp_path: Path) -> None:
    with Running(settings_in(tmp_path, queue_seconds=0.5)) as gateway:
        tell(gateway, expected=["r-1"], aliases={"released": "r-1"})
        with StandIn() as server:
            gateway.application.upstreams.put("b", server.url, "r-2", "ready", ["released"])
            refused = Waiting(gateway, "r-1").ended()
        assert (refused.status, refused.code) == (503, "release_starting")
        waiting(gateway, 0)
        (line,) = gateway.audit_lines()
        assert (line["status"], line["release"]) == (503, "")


def test_nobody_waits_for_what_is_not_coming(gateway: Running) -> None:
    with StandIn() as server:
        gateway.application.upstreams.put("a", server.url, "r-1", "draining", ["released"])
        refused = gateway.ask("POST", "/v1/completions", BODY)
        assert (refused.status, refused.code) == (503, "upstream_unreachable")
        # While it waits its release is taken back: there is no such model any more.
        tell(gateway, expected=["r-2"], aliases={"candidate": "r-2"})
        asked = Waiting(gateway, "candidate")
        waiting(gateway, 1)
        tell(gateway, expected=[], aliases={})
        assert asked.ended().code == "model_not_found"


def test_one_answer_is_of_one_reading_of_the_routes() -> None:
    """A switch between two readings: what was asked for is gone, and the name leads elsewhere."""
    upstream = Upstream("b", parse_address("http://127.0.0.1:1"), "r-3", "ready")
    before = Routes((), {"candidate": "r-2"}, {}, frozenset({"r-2"}))
    after = Routes((upstream,), {"candidate": "r-3"}, {"r-3": (upstream,)})
    readings = iter([before, after])
    queue = Queue(lambda: next(readings, after), 1, PATIENCE)
    exchange: Any = SimpleNamespace(
        queued_until=0.0, end_after=lambda *_: None, watch_client=lambda: None
    )
    assert asyncio.run(queue.release(exchange, "candidate")) == "r-3"


def test_with_a_queue_of_no_seconds_all_are_refused(tmp_path: Path) -> None:
    with Running(settings_in(tmp_path, queue_seconds=0)) as gateway:
        tell(gateway, expected=["r-1"], aliases={"released": "r-1"})
        refused = gateway.ask("POST", "/v1/completions", BODY)
        assert (refused.status, refused.code) == (503, "release_starting")
        assert "retry-after" in refused.headers


LOOK = """
import sys, pathlib
from serving.gateway.under_way import is_under_way
print(is_under_way(pathlib.Path(sys.argv[1]), sys.argv[2]))
"""


def test_another_process_sees_what_is_under_way(tmp_path: Path) -> None:
    with StandIn() as server, Running(settings_in(tmp_path)) as gateway:
        gateway.application.upstreams.put("a", server.url, "r-1", "ready", ["released"])
        folder = gateway.settings.home / "under_way"

        def seen(release: str = "r-1") -> str:
            command = [sys.executable, "-c", LOOK, str(folder), release]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return done.stdout.strip()

        assert seen() == "False"
        stream = {"model": "r-1", "prompt": "held 3", "stream": True}
        answers: list[Answer] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(gateway.ask("POST", "/v1/completions", stream))
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: seen() == "True")
        # A lock of its own is none that a process sees.
        assert not is_under_way(folder, "r-1")
        assert seen("r-2") == "False"
        server.let_go.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert [answer.status for answer in answers] == [200, 200]
        assert seen() == "False"
