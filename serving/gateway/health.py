"""How the gateway and what it depends on are.

Belongs here: looking at each dependency every few seconds and remembering since when it is as it
is. Does not belong here: the answer's form. A request for it causes no look, so it costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from serving.gateway import metrics
from serving.gateway.addresses import Address
from serving.gateway.background import Background
from serving.gateway.http_client import BrokenResponseError, NotSentError, Pool
from serving.gateway.json_file import DamagedFileError

_SECONDS = 2.0


class DownError(Exception):
    """A dependency is down; the message says how."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at a dependency.

    Attributes:
        name: Of the dependency.
        needed: Whether the gateway is not ready without it.
        look: Raises :class:`DownError` where it is down.
    """

    name: str
    needed: bool
    look: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class State:
    """How a dependency was when it was last looked at.

    Attributes:
        name: Of the dependency.
        needed: Whether the gateway is not ready without it.
        up: Whether it answered as it should.
        detail: What was wrong, empty where nothing was.
        latency_ms: How long the look took.
        since: When it became as it is, ISO 8601, UTC.
        checked_at: When it was looked at.
    """

    name: str
    needed: bool
    up: bool
    detail: str
    latency_ms: float
    since: str
    checked_at: str


class Health(Background):
    """Looks at dependencies in the background."""

    def __init__(self, probes: Callable[[], list[Probe]], seconds: float) -> None:
        """Look at what ``probes`` gives, every so many seconds."""
        self._probes = probes
        self._seconds = seconds
        self._states: dict[str, State] = {}
        self._looked = False

    @property
    def ready(self) -> bool:
        """Whether all that is needed is up."""
        return self._looked and all(s.up for s in self._states.values() if s.needed)

    def states(self) -> list[State]:
        """The dependencies, by name."""
        return sorted(self._states.values(), key=lambda state: state.name)

    def is_up(self, name: str) -> bool | None:
        """Whether a dependency is up, None where it was not looked at."""
        state = self._states.get(name)
        return state.up if state else None

    async def look(self) -> None:
        """Look at everything once."""
        found = await asyncio.gather(*(self._state(probe) for probe in self._probes()))
        for gone in self._states.keys() - {state.name for state in found}:
            metrics.DEPENDENCY_UP.remove(gone)
        self._states = {state.name: state for state in found}
        self._looked = True
        for state in found:
            metrics.DEPENDENCY_UP.labels(state.name).set(state.up)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._seconds)

    async def _state(self, probe: Probe) -> State:
        began = time.perf_counter()
        detail = ""
        try:
            async with asyncio.timeout(_SECONDS):
                await probe.look()
        except (DownError, DamagedFileError) as error:
            detail = str(error)
        except TimeoutError:
            detail = f"no answer within {_SECONDS:g} s"
        except OSError as error:
            detail = error.strerror or str(error) or type(error).__name__
        latency = round((time.perf_counter() - began) * 1000, 3)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        before = self._states.get(probe.name)
        since = before.since if before and before.up == (not detail) else now
        return State(probe.name, probe.needed, not detail, detail, latency, since, now)


async def ask_health(pool: Pool, address: Address, path: str) -> None:
    """Ask a server how it is.

    Raises:
        DownError: It does not answer with 200.
    """
    try:
        connection = await pool.open(address)
        try:
            connection.send(b"GET", path.encode(), [(b"host", address.authority.encode())], b"")
            await connection.head()
            while await connection.read():
                pass
        finally:
            pool.give_back(address, connection)
    except (NotSentError, BrokenResponseError) as error:
        raise DownError(str(error)) from error
    if connection.status != 200:
        raise DownError(f"{path} answers {connection.status}")
