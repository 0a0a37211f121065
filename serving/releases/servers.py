"""Keeping model servers running, one task each.

Belongs here: starting, finding again, looking after, starting anew and ending the servers that the
state wants. Does not belong here: which these are (``switch.py``, ``supervisor.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from serving.gateway.http_client import Pool
from serving.model_server.process import (
    Launcher,
    ServedModel,
    ServerFailed,
    ServerProcess,
    adopt,
    log_tail,
)
from serving.releases.liveness import Liveness
from serving.releases.settings import ReleaseSettings
from serving.releases.state import Server, StateFile

LOG = logging.getLogger("amodels.releases")
_LOOK_SECONDS = 0.2
# A server that computed so long after it was ready does not fail at once.
_SETTLED_SECONDS = 60.0
_LOGS = 20
_DISK_SECONDS = 1.0
_HUNG_STOP_SECONDS = 1.0
_TELLING = re.compile(r"out of memory|OutOfMemory|MemoryError|annot allocate|No space left")


class Bell:
    """Wakes all who wait for something to change."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until something changes, or so many seconds went by."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class ServerLostError(Exception):
    """A server on trial ended or never was ready; the message says how.

    Attributes:
        tail: What its output ended with.
    """

    def __init__(self, reason: str, tail: str = "") -> None:
        """See the attributes."""
        super().__init__(reason)
        self.tail = tail


class Servers:
    """The servers of a state."""

    def __init__(
        self,
        file: StateFile,
        launcher: Launcher,
        settings: ReleaseSettings,
        logs: Path,
        *,
        slowest_seconds: Callable[[str], float],
    ) -> None:
        """Keep what the state wants.

        Args:
            file: The state.
            launcher: Starts servers.
            settings: Times.
            logs: Folder of the servers' output.
            slowest_seconds: What a release's slowest answer took when it was tried, 0 for unknown.
        """
        self._file = file
        self._launcher = launcher
        self._settings = settings
        self._logs = logs
        self._slowest_seconds = slowest_seconds
        self._pool = Pool()
        self._group: asyncio.TaskGroup | None = None
        self.bell = Bell()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Look after all servers that the state has, as tasks of ``group``."""
        self._group = group
        for server in list(self._file.state.servers.values()):
            group.create_task(self._keep(server))

    def add(self, release: str, model: ServedModel) -> Server:
        """Want a server for a release."""
        state = self._file.state
        server = Server(f"s{state.number}", model, self._log(f"s{state.number}", 0))
        state.number += 1
        state.servers[server.name] = server
        state.deployed[release] = server.name
        assert self._group is not None  # noqa: S101 - start() comes first
        # It writes the state down before it starts anything.
        self._group.create_task(self._keep(server))
        return server

    async def ready(self, server: Server) -> None:
        """Wait until a server is ready.

        Raises:
            ServerLostError: It ended or was too slow.
        """
        while not server.ready:
            if server.failure:
                raise ServerLostError(server.failure, server.tail)
            await self.bell.wait(1)

    async def remove(self, *servers: Server) -> None:
        """End servers and wait until they are gone."""
        for server in servers:
            server.wanted = False
        if servers:
            await self.save()
            self.bell.ring()
        while any(server.name in self._file.state.servers for server in servers):
            await self.bell.wait(1)

    async def save(self) -> None:
        """Write the state, however long the disk does not take it."""
        while True:
            try:
                self._file.save()
            except OSError as error:
                LOG.error("the state cannot be written: %s", error)
                await asyncio.sleep(_DISK_SECONDS)
            else:
                return

    async def _keep(self, server: Server) -> None:
        process: ServerProcess | None = None
        while server.wanted:
            try:
                process = await self._process(server)
                reason = await self._watch(server, process)
            except ServerFailed as error:
                reason = error.reason
            except (OSError, ValueError) as error:
                reason = f"its server cannot be started: {error}"
            if server.wanted:
                await self._failed(server, reason, process)
                process = None
        await self._end(server, process, self._settings.stop_seconds)
        state = self._file.state
        state.servers.pop(server.name, None)
        state.deployed = {r: name for r, name in state.deployed.items() if name != server.name}
        await self.save()
        self.bell.ring()

    async def _process(self, server: Server) -> ServerProcess:
        """The server's process: the one that runs, or a new one."""
        if server.record is not None:
            found = adopt(server.record)
            if found is None:
                raise ServerFailed("its server ended while nobody watched", log_tail(_path(server)))
            return found
        # One that was started just before this file's writer was killed is in no record.
        await asyncio.to_thread(end_writers, _path(server))
        attempt = int(server.log.rpartition("-")[2].removesuffix(".log")) + 1
        server.log = self._log(server.name, attempt)
        await self.save()
        self._prune()
        process = await asyncio.to_thread(self._launcher.launch, server.model, log=_path(server))
        if not isinstance(process, ServerProcess):
            raise TypeError("what a launcher gives has to be found again: a ServerProcess")
        server.record = process.record
        await self.save()
        LOG.info("%s: process %d of %s", server.name, process.pid, server.model.release)
        return process

    async def _watch(self, server: Server, process: ServerProcess) -> str:
        """Until it is not wanted any more; raises or says why where it fails before."""

        def model() -> tuple[str, float]:
            release = server.model.release
            return release, self._slowest_seconds(release)

        liveness = Liveness(self._pool, process.url, model, self._settings)
        try:
            return await self._watch_with(liveness, server, process)
        finally:
            await liveness.close()

    async def _watch_with(self, liveness: Liveness, server: Server, process: ServerProcess) -> str:
        settings, began = self._settings, time.monotonic()
        well_at, ask_at = began, began
        while server.wanted:
            if not process.alive():
                # It says how it ended.
                await asyncio.to_thread(process.wait_ready, 0.1)
            if time.monotonic() < ask_at:
                await self.bell.wait(_LOOK_SECONDS)
                continue
            well = await asyncio.to_thread(process.healthy, settings.probe_timeout)
            now = time.monotonic()
            if well:
                well_at = now
                # One that says it is well may not have computed anything yet.
                if not server.ready and server.wanted and liveness.gives_tokens():
                    server.ready, began = True, now
                    await self.save()
                    self.bell.ring()
                    LOG.info("%s: ready at %s", server.name, process.url)
                if server.ready and (hangs := await liveness.look()):
                    return hangs
                if server.failures and liveness.moved_at > began + _SETTLED_SECONDS:
                    server.failures = 0
                    await self.save()
            elif server.ready and now > well_at + settings.hung_seconds:
                return f"its server did not answer /health for {settings.hung_seconds:g} s"
            if not server.ready and now > began + settings.start_seconds:
                failed = "says that it is well, but gave no token" if well else "was not ready"
                return f"its server {failed} within {settings.start_seconds:g} s"
            ask_at = now + (settings.probe_seconds if server.ready else _LOOK_SECONDS)
        return ""

    async def _failed(self, server: Server, reason: str, process: ServerProcess | None) -> None:
        """Start it anew after a while, or leave it to whoever tries the release."""
        server.tail = log_tail(_path(server))
        if line := telling_line(server.tail):
            reason = f"{reason}; its output says: {line}"
        LOG.warning("%s: %s", server.name, reason)
        server.ready = False
        server.failures += 1
        server.reason = reason
        trial = self._file.state.on_trial(server)
        if trial:
            server.failure = server.failure or reason
        await self.save()
        self.bell.ring()
        # It ended or hangs: there is nothing that it could end well.
        await self._end(server, process, _HUNG_STOP_SECONDS)
        if trial:
            while server.wanted:
                await self.bell.wait(1)
            return
        server.record = None
        await self.save()
        settings = self._settings
        wait = settings.backoff_seconds * 2 ** min(server.failures - 1, 16)
        end = time.monotonic() + min(wait, settings.most_backoff_seconds)
        while server.wanted and (left := end - time.monotonic()) > 0:
            await self.bell.wait(left)

    async def _end(self, server: Server, process: ServerProcess | None, seconds: float) -> None:
        """End its processes, also those that are left of one that ended."""
        if process is None and server.record is not None:
            process = ServerProcess(server.record)
        if process is not None:
            try:
                await asyncio.to_thread(process.stop, seconds)
            except ServerFailed as error:
                LOG.error("%s: %s", server.name, error)
        await asyncio.to_thread(end_writers, _path(server))

    def _log(self, name: str, attempt: int) -> str:
        return str(self._logs.absolute() / f"{name}-{attempt}.log")

    def _prune(self) -> None:
        files = sorted(self._logs.glob("*.log"), key=lambda path: path.stat().st_mtime)
        in_use = {server.log for server in self._file.state.servers.values()}
        for path in files[:-_LOGS]:
            if str(path.absolute()) not in in_use:
                path.unlink(missing_ok=True)


def end_writers(log: Path) -> None:
    """Kill processes whose output goes to a file: a server's that no record tells of."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            target = Path(f"/proc/{name}/fd/1").readlink()
        except OSError:
            continue  # It ended, or is somebody else's.
        if target == log:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(name), signal.SIGKILL)


def telling_line(tail: str) -> str:
    """The line of a log's end that says most about why a server ended, empty for none."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[-1][:300]


def _path(server: Server) -> Path:
    return Path(server.log)
