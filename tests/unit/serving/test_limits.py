"""Requests a minute and tokens a day, in memory and in a real Redis that goes away."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.gateway.errors import RefusedError
from serving.gateway.keys import Key
from serving.gateway.limits import MemoryLimiter
from serving.gateway.redis_limits import RedisLimiter
from tests.redis_server import PASSWORD, RedisServer
from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running, wait_until
from tests.unit.serving.stand_in import StandIn

ASKED = {"model": "released", "prompt": "words 5"}


def key(requests: int = 0, tokens: int = 0, identity: str = "0" * 12) -> Key:
    return Key(identity, "x", "", ("infer",), requests, tokens, "2026-01-01T00:00:00+00:00")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


def test_a_minutes_allowance_may_be_used_at_once_and_comes_back_evenly() -> None:
    now = [1_000.0]
    limiter = MemoryLimiter(lambda: now[0])

    async def ask_until_refused(count: Iterator[int]) -> None:
        for _ in count:
            await limiter.admit(key(requests=60))

    def admitted() -> int:
        count = itertools.count()
        with pytest.raises(RefusedError) as refused:
            asyncio.run(ask_until_refused(count))
        assert (refused.value.status, refused.value.code) == (429, "rate_limit_exceeded")
        assert 0 < refused.value.retry_after <= 1
        return next(count) - 1

    assert admitted() == 60
    now[0] += 10
    assert admitted() == 10
    now[0] += 3_600
    assert admitted() == 60


def test_tokens_of_a_day_end_with_the_day() -> None:
    now = [86_400.0 * 20_000 + 86_000]
    limiter = MemoryLimiter(lambda: now[0])

    async def use() -> None:
        await limiter.admit(key(tokens=100))
        await limiter.spend(key(tokens=100), 60)

    asyncio.run(use())
    asyncio.run(use())
    with pytest.raises(RefusedError) as refused:
        asyncio.run(use())
    assert (refused.value.code, refused.value.retry_after) == ("insufficient_quota", 400)
    now[0] += 401
    asyncio.run(use())


def test_two_processes_count_together_in_redis(redis: RedisServer) -> None:
    async def count_together() -> None:
        limiters = [RedisLimiter(redis.url) for _ in range(2)]
        for number in range(7):
            await limiters[number % 2].admit(key(requests=7))
        for limiter in limiters:
            with pytest.raises(RefusedError) as refused:
                await limiter.admit(key(requests=7))
            assert refused.value.code == "rate_limit_exceeded"
            assert 0 < refused.value.retry_after <= 60 / 7
        await limiters[0].spend(key(tokens=10, identity="1" * 12), 10)
        with pytest.raises(RefusedError, match="10 tokens a day"):
            await limiters[1].admit(key(tokens=10, identity="1" * 12))
        assert not limiters[0].away
        for limiter in limiters:
            await limiter.close()

    asyncio.run(count_together())


def test_a_gateway_holds_its_keys_to_their_limits(gateway: Running, model_server: StandIn) -> None:
    limited = gateway.new_key("infer", requests_per_minute=2)
    answers = [gateway.ask("POST", "/v1/completions", ASKED, key=limited) for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    # The stream's own usage counts: ten tokens each.
    frugal = gateway.new_key("infer", tokens_per_day=15)
    asked = {**ASKED, "stream": True}
    answers = [gateway.ask("POST", "/v1/completions", asked, key=frugal) for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert answers[2].code == "insufficient_quota"
    assert [line["tokens"] for line in gateway.audit_lines()[-3:]] == [10, 10, 0]


def test_answers_go_on_while_redis_is_away(
    redis: RedisServer, model_server: StandIn, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, redis_url=redis.url, probe_seconds=0.1)
    with Running(settings) as gateway:
        gateway.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        # Another one only after a minute, in which all of this has to be done.
        limited = gateway.new_key("infer", requests_per_minute=1)

        def redis_is_up() -> bool:
            states = gateway.ask("GET", "/readyz").json["dependencies"]
            return next((s["up"] for s in states if s["name"] == "redis"), False)

        wait_until(redis_is_up)
        assert gateway.ask("POST", "/v1/completions", ASKED, key=limited).status == 200
        redis.kill()
        # By process, from its own memory: one again.
        statuses = [
            gateway.ask("POST", "/v1/completions", ASKED, key=limited).status for _ in range(2)
        ]
        assert statuses == [200, 429]
        wait_until(lambda: not redis_is_up())
        ready = gateway.ask("GET", "/readyz")
        assert ready.status == 200
        assert PASSWORD.encode() not in ready.body
        redis.start()
        wait_until(redis_is_up)
        # Redis kept what it had counted before it was killed.
        assert gateway.ask("POST", "/v1/completions", ASKED, key=limited).status == 429
