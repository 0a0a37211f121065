"""Locks and event streams on a real Redis server, and what happens when it dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from resources.event_stream import EventStream, EventStreamResource
from resources.locks import LockError, LockResource
from resources.redis_client import RedisUnavailableError, connected_redis
from tests.redis_server import PASSWORD, RedisServer

pytestmark = pytest.mark.xdist_group("redis")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def stream(server: RedisServer) -> Iterator[EventStream]:
    with EventStreamResource(redis_url=server.url).stream("changes") as stream:
        yield stream


@pytest.fixture(params=["file", "redis"])
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> LockResource:
    if request.param == "file":
        return LockResource(folder=str(tmp_path))
    server = request.getfixturevalue("server")
    return LockResource(redis_url=server.url, folder=str(tmp_path))


def test_a_lock_is_held_by_one_at_a_time(locks: LockResource) -> None:
    inside, most, done = 0, 0, []
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with locks.hold("a/b") as still_held:
            with guard:
                inside += 1
                most = max(most, inside)
            still_held()
            with guard:
                inside -= 1
            done.append(1)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(done)) == (1, 6)


def test_locks_of_other_names_are_free(locks: LockResource) -> None:
    with locks.hold("a"), locks.hold("b") as still_held:
        still_held()


def hold_and_die(url: str, folder: str, held: multiprocessing.Event) -> None:
    with LockResource(redis_url=url, folder=folder, lease_seconds=1).hold("a"):
        held.set()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_lock_of_a_killed_process_is_free_again(locks: LockResource) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold_and_die, args=(locks.redis_url, locks.folder, held))
    process.start()
    process.join()
    assert held.is_set()
    with locks.hold("a") as still_held:
        still_held()


def test_a_lease_is_renewed_while_the_work_goes_on(server: RedisServer, tmp_path: Path) -> None:
    locks = LockResource(redis_url=server.url, folder=str(tmp_path), lease_seconds=1.5)
    waiting = LockResource(redis_url=server.url, folder=str(tmp_path), wait_seconds=4)
    with locks.hold("a") as still_held:
        with pytest.raises(LockError, match="another run has held"), waiting.hold("a"):
            pass
        still_held()


def test_a_lost_lock_is_noticed_before_anything_is_written(
    server: RedisServer, tmp_path: Path
) -> None:
    locks = LockResource(redis_url=server.url, folder=str(tmp_path))
    with locks.hold("a") as still_held:
        with Redis.from_url(server.url) as client:
            client.delete("amodels:lock:a")
        with pytest.raises(LockError, match="was lost"):
            still_held()


def test_a_server_that_dies_ends_the_work_with_one_sentence(
    server: RedisServer, tmp_path: Path
) -> None:
    locks = LockResource(redis_url=server.url, folder=str(tmp_path), lease_seconds=3)

    def work() -> None:
        with locks.hold("a") as still_held:
            server.kill()
            still_held()

    with pytest.raises(RedisUnavailableError) as error:
        work()
    assert PASSWORD not in str(error.value)
    server.start()
    with locks.hold("a") as still_held:
        still_held()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:geheim@127.0.0.1:1/0", "cannot be reached"),
        ("no url with geheim", "cannot be read"),
        ("redis://:geheim@127.0.0.1:notaport/0", "cannot be read"),
    ],
)
def test_a_server_that_cannot_be_used_is_said_without_the_password(url: str, said: str) -> None:
    with pytest.raises(RedisUnavailableError, match=said) as error, connected_redis(url):
        pass
    assert "geheim" not in str(error.value)
    assert "geheim" not in repr(LockResource(redis_url=url, folder="x"))
    assert "geheim" not in repr(EventStreamResource(redis_url=url))


def test_a_wrong_password(server: RedisServer) -> None:
    url = server.url.replace(PASSWORD, "falsch")
    with pytest.raises(RedisUnavailableError) as error, connected_redis(url):
        pass
    assert "falsch" not in str(error.value)


def events(stream: EventStream, group: str = "g", consumer: str = "c") -> list[int]:
    found = stream.read(group, consumer)
    stream.acknowledge(group, found)
    return [message.event["n"] for message in found]


def test_events_come_once_to_each_group_in_order(stream: EventStream) -> None:
    assert stream.add([{"n": n} for n in range(3)], before="", after="1")
    assert events(stream) == [0, 1, 2]
    assert events(stream) == []
    assert events(stream, "other") == [0, 1, 2]
    assert stream.add([{"n": 3}], before="1", after="2")
    assert events(stream) == [3]
    assert [m.event["n"] for m in stream.newest(2)] == [3, 2]


def test_events_are_added_once_whoever_adds_them(stream: EventStream) -> None:
    assert stream.add([{"n": 0}], before="", after="1")
    assert not stream.add([{"n": 0}], before="", after="1")
    assert stream.mark() == "1"
    assert events(stream) == [0]


def test_what_was_not_acknowledged_comes_back_to_its_consumer(stream: EventStream) -> None:
    stream.add([{"n": 0}, {"n": 1}], before="", after="1")
    first = stream.read("g", "c", most=1)
    again = stream.read("g", "c")
    assert [m.id for m in first] == [m.id for m in again]
    assert again[0].deliveries > first[0].deliveries
    stream.acknowledge("g", again)
    assert events(stream) == [1]
    assert stream.pending("g") == 0


def test_what_stalls_is_claimed_by_another_consumer(stream: EventStream) -> None:
    stream.add([{"n": 0}], before="", after="1")
    assert stream.read("g", "stalls")
    assert stream.read("g", "other") == []
    claimed = stream.read("g", "other", stalled_after_seconds=0)
    assert [(m.event["n"], m.deliveries) for m in claimed] == [(0, 2)]
    stream.acknowledge("g", claimed)
    assert stream.read("g", "stalls", stalled_after_seconds=0) == []


def test_a_server_killed_in_the_middle_of_a_read_loses_nothing(server: RedisServer) -> None:
    resource = EventStreamResource(redis_url=server.url)
    with resource.stream("changes") as stream:
        stream.add([{"n": n} for n in range(100)], before="", after="1")
        taken = stream.read("g", "c", most=10)
        stream.acknowledge("g", taken[:4])
    waiting = threading.Event()
    errors: list[Exception] = []

    def wait_for_more() -> None:
        try:
            with resource.stream("other") as stream:
                stream.create_group("g")
                waiting.set()
                stream.read("g", "c", wait_seconds=60)
        except RedisUnavailableError as error:
            errors.append(error)

    reader = threading.Thread(target=wait_for_more)
    reader.start()
    waiting.wait()
    server.kill()
    reader.join()
    assert len(errors) == 1
    server.start()
    with resource.stream("changes") as stream:
        assert stream.mark() == "1"
        left = [*events(stream), *events(stream), *events(stream)]
        assert left == list(range(4, 100))


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), max_size=5))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_event_comes_out_as_it_went_in(stream: EventStream, given_events: list[dict]) -> None:
    before = stream.mark()
    stream.add(given_events, before=before, after=f"{before}x")
    found = stream.read("all", "c")
    stream.acknowledge("all", found)
    assert [message.event for message in found] == given_events
