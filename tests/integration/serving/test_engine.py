"""The engine of a real vLLM hangs while its server says that it is well."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from amodels_assets.models.store import ModelStore
from serving.model_server.process import group_members
from serving.model_server.vllm import ENVIRONMENT, VllmLauncher
from tests.integration.serving.conftest import START_SECONDS
from tests.integration.serving.real_releases import SETTINGS, publish_model
from tests.unit.models.made import put
from tests.unit.serving.releases.published import BASE
from tests.unit.serving.releases.world import Supervised, eventually

# Shorter than by default, so that the test is. A token is waited for at least as long as the
# slowest answer took when the release was tried.
TIMING = {"still_seconds": 5, "token_timeout": 5}


@pytest.fixture
def world(launcher: VllmLauncher, tmp_path: Path) -> Iterator[Supervised]:
    environment = {ENVIRONMENT: str(launcher.environment)}
    with Supervised(tmp_path, environment=environment, **{**SETTINGS, **TIMING}) as world:
        yield world


def engine_of(server: int) -> int:
    """The process that computes, of a server's group: vLLM starts it by spawning."""
    (engine,) = (
        number
        for number in group_members(server)
        if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()
    )
    return engine


def health(url: str) -> int:
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=60)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


def answers_of(url: str) -> float:
    """How many requests the engine has answered, whoever asked."""
    with urlopen(f"{url}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith("vllm:request_success_total{")]
    assert found
    return sum(float(line.rpartition(" ")[2]) for line in found)


def connection_to(world: Supervised) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(world.gateway["url"].split("//")[1], timeout=60)


def stream(connection: http.client.HTTPConnection, key: str) -> http.client.HTTPResponse:
    """The beginning of an answer that takes its time."""
    body = {"model": "released", "prompt": "a", "max_tokens": 450, "stream": True}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/v1/completions", json.dumps({**body, "ignore_eos": True}), headers)
    return connection.getresponse()


def is_whole(answer: http.client.HTTPResponse) -> bool:
    """Whether an answer came to its end; a server that is ended may still say that it failed."""
    try:
        return b'"finish_reason":"length"' in answer.read()
    except http.client.IncompleteRead:
        return False


def test_it_is_answered_again_without_a_person(world: Supervised, tiny_model: Path) -> None:
    base = put(ModelStore.at(world.home), BASE, tiny_model)
    name = publish_model(world, base, 0.5)
    verdict = world.decided(name, START_SECONDS)
    assert verdict["verdict"] == "accepted", world.told()
    assert world.ask_well() == name
    server = world.served_by()
    # With nothing to do it is asked for a token now and then, answers, and stays as it is.
    asked = answers_of(server["url"])
    eventually(lambda: answers_of(server["url"]) >= asked + 2, START_SECONDS)
    assert world.served_by() == server
    short = {"model": "released", "prompt": "a", "max_tokens": 2}
    with closing(connection_to(world)) as way:
        assert is_whole(stream(way, world.key))
    with closing(connection_to(world)) as way:
        engine = engine_of(server["pid"])
        begun = stream(way, world.key)
        assert begun.readline().startswith(b"data: ")
        os.kill(engine, signal.SIGSTOP)
        began = time.monotonic()
        assert health(server["url"]) == 200
        eventually(lambda: "its engine hangs" in world.told(), START_SECONDS)
        found = time.monotonic() - began
        eventually(lambda: world.ask(short)[:2] == (200, name), START_SECONDS)
        took = time.monotonic() - began
        # What had begun broke; what came later waited for the next one.
        assert not is_whole(begun)
    # Processes that are stopped are ended too.
    eventually(lambda: group_members(server["pid"]) == [])
    assert world.served_by()["pid"] != server["pid"]
    slowest = verdict["figures"]["slowest_seconds"]
    print(f"found after {found:.0f} s, answered after {took:.0f} s; slowest answer {slowest:.1f} s")
