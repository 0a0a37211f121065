"""An engine that hangs behind a server that is well: how that is told from one that is slow."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.gateway.http_client import Pool
from serving.releases.liveness import Liveness
from serving.releases.settings import ReleaseSettings
from tests.unit.serving.releases.model_server_stand_in import Handler, Server
from tests.unit.serving.releases.world import Supervised, eventually

SETTINGS = ReleaseSettings(still_seconds=0.3, token_timeout=0.3, engine_misses=3)


class Engine:
    """A stand-in whose engine can be made to hang, in a thread of this process."""

    def __init__(self, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")
        self._told = folder / "hangs"
        (folder / "behaviour.json").write_text(json.dumps({"hangs": str(self._told)}))
        self.server = Server(0, "r-1", folder, "")
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=[0.05]).start()

    def hang(self) -> None:
        self._told.write_text(str(os.getpid()))

    def go_on(self) -> None:
        self._told.unlink(missing_ok=True)

    def close(self) -> None:
        self.go_on()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path)
    yield made
    made.close()


def looked_at(
    engine: Engine,
    until: Callable[[Liveness], bool],
    *,
    model: tuple[str, float] = ("r-1", 0.0),
    between: Callable[[], None] = lambda: None,
) -> str:
    """Look again and again; why the engine is taken to hang, or nothing once ``until`` holds."""

    async def look() -> str:
        liveness = Liveness(Pool(), engine.url, lambda: model, SETTINGS)
        end = time.monotonic() + 60
        try:
            while not until(liveness):
                if found := await liveness.look():
                    return found
                between()
                await asyncio.sleep(0.02)
                assert time.monotonic() < end, "it did not happen in time"
        finally:
            await liveness.close()
        return ""

    return asyncio.run(look())


def after(seconds: float) -> Callable[[Liveness], bool]:
    end = time.monotonic() + seconds
    return lambda _: time.monotonic() > end


def test_an_engine_with_nothing_to_do_is_asked_for_a_token_now_and_then(engine: Engine) -> None:
    began = time.monotonic()
    assert looked_at(engine, lambda _: engine.server.asked >= 3) == ""
    # Each of them moves the figures, so that there is as long a time before the next.
    assert time.monotonic() - began > 3 * SETTINGS.still_seconds


def test_an_engine_that_computes_is_left_alone(engine: Engine) -> None:
    def compute() -> None:
        engine.server.tokens += 1

    # It also is where there are no figures, as a queue could not be told from a hang.
    assert looked_at(engine, after(5 * SETTINGS.still_seconds), between=compute) == ""
    assert engine.server.asked == 0


def test_an_engine_that_hangs_is_found_by_one_question_at_a_time(engine: Engine) -> None:
    engine.hang()
    most = 0

    def count() -> None:
        nonlocal most
        names = [thread.name for thread in threading.enumerate()]
        most = max(most, sum("process_request" in name for name in names))

    began = time.monotonic()
    told = looked_at(engine, lambda _: False, between=count)
    assert told.startswith("its engine hangs: its figures stood still for ")
    assert "3 times no token came within 0.3 s" in told
    assert engine.server.asked == SETTINGS.engine_misses
    assert time.monotonic() - began > SETTINGS.still_seconds + 3 * SETTINGS.token_timeout


def test_a_slow_step_is_no_hang(engine: Engine) -> None:
    """Nothing moves for longer than one answer may take on a fast machine."""
    engine.hang()
    end = time.monotonic() + SETTINGS.still_seconds + 5 * SETTINGS.token_timeout

    def compute() -> None:
        if time.monotonic() > end:
            engine.go_on()

    # When it was tried an answer took up to 2 s, so that much is waited each time.
    moved = looked_at(
        engine, lambda _: engine.server.tokens > 0, model=("r-1", 2.0), between=compute
    )
    assert moved == ""
    # On a machine on which answers took no time it would be one.
    engine.server.tokens = 0
    engine.hang()
    assert "engine hangs" in looked_at(engine, lambda _: False)


def test_one_miss_is_forgotten_once_the_figures_move(engine: Engine) -> None:
    """So it is in the middle of a long prompt: each part of it moves the figures."""
    engine.hang()
    asked = 0

    def compute() -> None:
        nonlocal asked
        if engine.server.asked >= asked + 2:
            asked = engine.server.asked
            engine.server.tokens += 1

    assert looked_at(engine, lambda _: asked >= 6, between=compute) == ""


@pytest.mark.parametrize("without", ["page", "figures"])
def test_without_figures_nothing_is_said(
    engine: Engine, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(handler: Handler) -> None:
        handler._send(b"process_cpu_seconds_total 1.0\n", "text/plain", 200)

    def refuse(handler: Handler) -> None:
        handler._send(b"", "text/plain", 404)

    monkeypatch.setattr(Handler, "_figures", answer if without == "figures" else refuse)
    engine.hang()
    assert looked_at(engine, after(10 * SETTINGS.token_timeout)) == ""
    assert engine.server.asked == 0


def test_a_refusal_is_an_answer(engine: Engine) -> None:
    engine.hang()
    until = after(SETTINGS.still_seconds + 6 * SETTINGS.token_timeout)
    assert looked_at(engine, until, model=("r-other", 0.0)) == ""


def test_a_server_whose_engine_hangs_is_replaced(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    timing = {"still_seconds": 1, "token_timeout": 1, "engine_misses": 3}
    with Supervised(tmp_path, **timing) as world:
        name = world.publish(b"one", hangs=str(hangs))
        assert world.decided(name)["verdict"] == "accepted"
        first = world.served_by()["pid"]
        hangs.write_text(str(first))
        began = time.monotonic()
        # Its /health is well all the time.
        host = world.served_by()["url"].split("//")[1]
        health = http.client.HTTPConnection(host, timeout=30)
        health.request("GET", "/health")
        assert health.getresponse().status == 200
        health.close()
        # What it had taken breaks when it is ended; who comes then waits for the next server.
        status, _, body = world.ask({"model": "released", "prompt": "a", "max_tokens": 2})
        assert (status, b"upstream_failed" in body) == (502, True)
        assert world.ask_well() == name
        took = time.monotonic() - began
        eventually(lambda: world.served_by()["pid"] != first)
        assert first not in world.processes()
        assert "its engine hangs" in world.told()
        # No client asked for the tokens.
        lines = [
            json.loads(line)
            for file in (world.home / "gateway" / "audit").glob("*.jsonl")
            for line in file.read_text().splitlines()
        ]
        assert len(lines) <= 2
        # 1 s of stillness and three times 1 s, each seen at the next look; on a busy machine more.
        assert took < 40


def test_a_server_that_is_well_is_ready_once_it_gave_a_token(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    with Supervised(tmp_path, gateway=False, in_thread=True, start_seconds=4) as world:
        hangs.write_text("all")
        bad = world.publish(b"one", hangs=str(hangs))
        rejected = world.decided(bad)
        assert (rejected["verdict"], rejected["phase"]) == ("rejected", "starting")
        assert "says that it is well, but gave no token within 4 s" in rejected["reason"]
        hangs.unlink()
        world.ask_for("promote", bad, identity="again")
        assert world.answer("again")["outcome"] == "accepted"


def test_a_release_whose_engine_hangs_again_and_again_is_taken_back(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    # One that is started hangs before it gave a token.
    timing = {"still_seconds": 0.5, "token_timeout": 0.5, "engine_misses": 2, "start_seconds": 5}
    with Supervised(tmp_path, gateway=False, in_thread=True, **timing) as world:
        first = world.publish(b"one")
        assert world.decided(first)["verdict"] == "accepted"
        second = world.publish(b"two", hangs=str(hangs))
        assert world.decided(second)["verdict"] == "accepted"

        def gone() -> bool:
            if world.state()["released"] == first:
                return True
            pid = str(world.served_by()["pid"])
            if not hangs.exists() or hangs.read_text() != pid:
                hangs.write_text(pid)
            return False

        eventually(gone, 60)
        verdict = world.verdict(second)
        assert verdict is not None
        assert (verdict["verdict"], verdict["phase"]) == ("rejected", "serving")
        assert "failed 3 times in a row, the last time: " in verdict["reason"]
        assert "gave no token" in verdict["reason"]
