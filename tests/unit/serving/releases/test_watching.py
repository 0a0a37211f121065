"""A release that goes bad after it was accepted: how that is judged, and that it is taken back."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from amodels_assets.release.supervised import SupervisedReleases
from amodels_assets.serving.standing import current_standing
from serving.releases.outcomes import OutcomeCounter, Outcomes
from serving.releases.settings import ReleaseSettings
from serving.releases.state import State, Watched
from serving.releases.watching import Watch, chance_of, judge_requests
from tests.unit.serving.releases.load import Load
from tests.unit.serving.releases.world import Supervised, eventually
from tests.unit.serving.running import wait_until

SETTINGS = ReleaseSettings()
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("new", "old", "passed"),
    [
        ((19, 19), (0, 0), True),  # Too few to say anything.
        ((20, 4), (0, 0), False),
        ((20, 3), (0, 0), True),
        ((20, 4), (19, 19), False),  # Too few of the old one: it is judged alone.
        ((100, 30), (100, 40), True),  # The old one was no better: going back would help nobody.
        ((100, 30), (100, 20), True),  # Nor much better: p = 0.07
        ((100, 30), (100, 10), False),
        ((100, 10), (100, 0), True),  # p = 0.0008
        ((200, 20), (1000, 0), False),
        ((100_000, 300), (100_000, 20), True),  # No chance, and nothing to go back for.
        ((10_000, 150), (10_000, 20), False),
        ((0, 0), (1000, 0), True),
    ],
)
def test_what_is_taken_back(new: tuple[int, int], old: tuple[int, int], passed: bool) -> None:
    check, figures = judge_requests(Outcomes(*new), Outcomes(*old), SETTINGS)
    assert check.passed is passed, check.detail
    assert f"{new[1]} of {new[0]} requests failed" in check.detail
    assert figures["requests_failed"] == new[1]


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_chance_is_what_fisher_says(new: int, old: int, data: st.DataObject) -> None:
    mine, theirs = data.draw(st.integers(0, new)), data.draw(st.integers(0, old))
    table = [[mine, new - mine], [theirs, old - theirs]]
    found = chance_of(Outcomes(new, mine), Outcomes(old, theirs))
    assert found == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-6, abs=1e-12)


def test_a_release_that_is_as_good_stays_however_often_it_is_looked_at() -> None:
    """Both fail 5 % of 1,000 requests; it is looked at after each failure of the new one's."""
    numbers = random.Random(7)
    taken_back = 0
    for _ in range(300):
        old = Outcomes(1000, sum(numbers.random() < 0.05 for _ in range(1000)))
        failed = 0
        for asked in range(1, 1001):
            bad = numbers.random() < 0.05
            failed += bad
            if bad and not judge_requests(Outcomes(asked, failed), old, SETTINGS)[0].passed:
                taken_back += 1
                break
    assert taken_back <= 6


def line(at: float, **values: Any) -> bytes:
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps(
        {"at": moment, "release": "r-1", "status": 200, "error": "", **values}
    ).encode()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (1, 0)),
        ({"status": 500}, (1, 1)),
        ({"status": 504, "error": "timeout"}, (1, 1)),
        ({"status": 404}, (1, 0)),
        ({"status": 499}, (1, 0)),
        ({"error": "upstream_failed"}, (1, 1)),
        ({"error": "upstream_error"}, (1, 1)),
        ({"error": "timeout"}, (1, 1)),
        # Not the server's doing.
        ({"error": "client_stalled"}, (1, 0)),
        ({"error": "invalid_api_key"}, (1, 0)),
        ({"release": "r-11", "status": 500}, (0, 0)),
        ({"model": "r-1", "release": "", "status": 503}, (0, 0)),
    ],
)
def test_which_lines_count(tmp_path: Path, values: Any, expected: tuple[int, int]) -> None:
    (tmp_path / "2026-11-30.1.jsonl").write_bytes(line(NOON, **values) + b"\n")
    assert OutcomeCounter(tmp_path, "r-1", NOON).count() == Outcomes(*expected)


ENTRY = st.one_of(
    st.tuples(st.floats(0, 50), st.sampled_from([200, 404, 500, 503]), st.sampled_from("ab")),
    st.binary(max_size=30).map(lambda noise: noise.replace(b"\n", b"")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ENTRY, max_size=40), st.floats(-1, 51), st.floats(0, 30), st.integers(0, 400))
def test_a_log_is_counted_whatever_stands_in_it_and_however_it_grows(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[Any],
    since: float,
    seconds: float,
    cut: int,
) -> None:
    entries.sort(key=lambda entry: entry[0] if isinstance(entry, tuple) else random.random() * 50)
    known = [entry for entry in entries if isinstance(entry, tuple)]
    content = b"".join(
        (line(NOON + entry[0], status=entry[1], release=entry[2]) if isinstance(entry, tuple)
         else entry) + b"\n" for entry in entries
    )  # fmt: skip
    # As many digits as a line has.
    moments = [datetime.fromtimestamp(NOON + at, UTC).timestamp() for at, _, _ in known]
    chosen = [
        status
        for moment, (_, status, release) in zip(moments, known, strict=True)
        if release == "a" and NOON + since <= moment < NOON + since + seconds
    ]
    path = tmp_path_factory.mktemp("audit") / "2026-11-30.7.jsonl"
    path.write_bytes(content[:cut])
    counter = OutcomeCounter(path.parent, "a", NOON + since, NOON + since + seconds)
    counter.count()
    with path.open("ab") as file:
        file.write(content[cut:])
    assert counter.count() == Outcomes(len(chosen), sum(status >= 500 for status in chosen))
    assert counter.count() == Outcomes(len(chosen), sum(status >= 500 for status in chosen))


def test_days_and_processes_are_counted_together(tmp_path: Path) -> None:
    midnight = NOON + 12 * 3600
    for name, at in (("2026-11-30.1", -5), ("2026-11-30.2", -1), ("2026-12-01.1", 3)):
        (tmp_path / f"{name}.jsonl").write_bytes(line(midnight + at) + b"\n")
    # Older days are not opened.
    (tmp_path / "2026-11-29.1.jsonl").mkdir()
    assert OutcomeCounter(tmp_path, "r-1", midnight - 2).count() == Outcomes(2, 0)
    assert OutcomeCounter(tmp_path / "none", "r-1", NOON).count() == Outcomes()


def test_of_a_long_log_the_end_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "2026-11-30.1.jsonl"
    path.write_bytes(b"".join(line(NOON + n) + b"\n" for n in range(1000)))
    monkeypatch.setattr("serving.releases.outcomes._MOST_BYTES", 20 * len(line(NOON)))
    assert 15 <= OutcomeCounter(tmp_path, "r-1", NOON, NOON + 500).count().asked <= 20
    assert OutcomeCounter(tmp_path, "r-1", NOON + 990, NOON + 2000).count().asked == 10


def test_a_log_that_cannot_be_read_takes_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "2026-11-30.1.jsonl").mkdir()
    state = State(watched=Watched("r-1", "r-0", NOON))
    watch = Watch(lambda: state, tmp_path, SETTINGS, lambda: NOON + 601)
    assert asyncio.run(watch.look()) is None
    assert watch.is_over(Watched("r-1", "r-0", NOON))
    assert not watch.is_over(Watched("r-1", "r-0", NOON + 10))


@pytest.fixture
def fails(tmp_path: Path) -> Path:
    """While it holds n, each n-th request to the release that has it fails."""
    return tmp_path / "fails"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as world:
        yield world


def accepted(world: Supervised, weights: bytes, **behaviour: Any) -> str:
    name = world.publish(weights, **behaviour)
    found = world.decided(name)
    assert found["verdict"] == "accepted", found
    return name


def is_answered_by(world: Supervised, release: str) -> bool:
    return world.ask({"model": "released", "prompt": "a", "max_tokens": 2})[:2] == (200, release)


def test_a_release_that_fails_its_requests_is_taken_back_and_not_tried_again(
    world: Supervised, fails: Path
) -> None:
    first = accepted(world, b"one")
    second = accepted(world, b"two", fails=str(fails))
    with Load(world, threads=3, events=2) as load:
        load.more(10)
        fails.write_text("2")
        eventually(lambda: world.state()["released"] == first)
        load.more(10)
    eventually(lambda: is_answered_by(world, first))
    # Nothing but its own failures: who came while it was being left is served.
    assert all(failure.startswith("500") for failure in load.failed), load.failed
    verdict = world.verdict(second)
    assert verdict is not None
    assert (verdict["verdict"], verdict["phase"]) == ("rejected", "serving")
    assert "requests failed" in verdict["reason"]
    assert [c["check"] for c in verdict["checks"] if not c["passed"]] == ["requests"]
    assert verdict["figures"]["requests_failed"] / verdict["figures"]["requests"] >= 0.2
    # As people see it, on the command line and in Dagster.
    assert SupervisedReleases(world.store, world.home).find(second).state == "rejected"
    shown = current_standing(world.store, world.home)
    assert not shown.passed
    assert f"{second} was rejected while serving: requests: " in shown.told
    assert shown.figures["requests_failed"] > 0
    # It stays away: for this supervisor, the next, and when it is published once more.
    eventually(lambda: world.state()["switch"] is None and len(world.processes()) == 1)
    world.stop()
    world.start()
    fails.unlink()
    again = world.publish_again(second)
    eventually(lambda: world.state()["seen"] == again)
    eventually(lambda: is_answered_by(world, first))
    assert world.state()["watched"] is None
    assert world.told().count(f"{second}: manifest, verifying") == 1
    # Until somebody says so.
    world.ask_for("promote", second, identity="again")
    assert world.answer("again")["outcome"] == "accepted"
    eventually(lambda: is_answered_by(world, second))
    assert world.state()["watched"]["release"] == second


def test_it_is_taken_back_at_once_while_the_old_one_is_being_left(
    world: Supervised, tmp_path: Path, fails: Path
) -> None:
    enough = tmp_path / "enough"
    first = accepted(world, b"one", enough=str(enough))
    long = {"model": "released", "prompt": "a", "max_tokens": 5000, "stream": True}
    answers: list[tuple[int, str, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(world.ask(long)))
    thread.start()
    eventually((world.home / "gateway" / "under_way" / f"{first}.lock").exists)
    second = world.publish(b"two", fails=str(fails))
    wait_until(lambda: world.verdict(second) is not None)
    eventually(lambda: world.state()["switch"]["phase"] == "draining")
    old = world.state()["servers"][world.state()["deployed"][first]]["record"]
    fails.write_text("1")
    with Load(world, threads=2, events=2):
        eventually(lambda: world.state()["released"] == first)
    eventually(lambda: is_answered_by(world, first))
    assert world.served_by() == old
    assert thread.is_alive()
    enough.touch()
    thread.join(30)
    assert answers[0][2].endswith(b"data: [DONE]\n\n")


def test_a_watch_goes_on_after_a_kill_and_ends_with_figures(tmp_path: Path) -> None:
    with Supervised(tmp_path, watch_seconds=8) as world:
        first = accepted(world, b"one")
        with Load(world, threads=1, events=2) as load:
            load.more(5)
            second = accepted(world, b"two")
            load.more(5)
            world.kill()
            world.start()
            eventually(lambda: world.state()["watched"] is None)
        assert load.failed == []
        assert world.state()["released"] == second
        verdict = world.verdict(second)
        assert verdict is not None
        assert verdict["verdict"] == "accepted"
        assert verdict["checks"][-1]["check"] == "requests"
        # Those before the kill are among them.
        counted = OutcomeCounter(tmp_path / "gateway" / "audit", second, 0).count()
        assert 5 <= verdict["figures"]["requests"] <= counted.asked
        # The first one had none before it: there was nothing to go back to.
        assert "requests" not in {check["check"] for check in world.verdict(first)["checks"]}


def test_without_a_way_back_it_stays(tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    with Supervised(tmp_path, in_thread=True) as world:
        first = accepted(world, b"one")
        second = accepted(world, b"two", fails=str(fails))
        # The one before cannot be served any more.
        world.checkpoint_file(first).write_bytes(b"other")
        fails.write_text("2")
        with Load(world, threads=2, events=2):
            eventually(lambda: world.verdict(first)["verdict"] == "rejected")
            eventually(lambda: world.state()["watched"] is None)
        assert world.state()["released"] == second
        assert len(world.processes()) == 1
        assert "requests failed" in world.verdict(second)["reason"]
