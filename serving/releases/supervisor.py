"""The supervisor: watches what is released and what people ask for, and has it done.

Belongs here: when a switch begins, and that what is released has a server. Does not belong here:
the way of a switch (``switch.py``), keeping processes running (``servers.py``).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

from serving.gateway.artifacts import Store
from serving.gateway.settings import Settings
from serving.gateway.under_way import is_under_way
from serving.model_server.process import Launcher
from serving.releases.gateway_process import GatewayProcess
from serving.releases.manifest import Release, ReleaseError, Releases
from serving.releases.records import REJECTED, ROLLBACK, SERVING, Records, Request, Verdict
from serving.releases.routes import write_upstreams
from serving.releases.servers import Servers
from serving.releases.state import StateFile, now
from serving.releases.switch import Switching
from serving.releases.watching import Finding, Watch

LOG = logging.getLogger("amodels.releases")


class AlreadyRunningError(ValueError):
    """Another supervisor has the same home."""


class Supervisor:
    """Of one home."""

    def __init__(
        self, settings: Settings, launcher: Launcher, gateway: GatewayProcess | None
    ) -> None:
        """Put together of its parts; nothing is started yet.

        Args:
            settings: Of the gateway, with those of releases in it.
            launcher: Starts model servers.
            gateway: Kept running too; None where somebody else does that.

        Raises:
            AlreadyRunningError: Another one runs.
            DamagedFileError: The state cannot be understood.
        """
        folder = settings.home / "releases"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "supervisor.lock")
        self._settings = settings.releases
        self._gateway = gateway
        self._records = Records(folder)
        self._releases = Releases(Store(settings.artifacts), settings.home.parent / "models")
        upstreams = settings.home / "upstreams.json"
        self._file = StateFile(
            folder / "state.json", lambda state: write_upstreams(state, upstreams)
        )
        self._servers = Servers(
            self._file,
            launcher,
            self._settings,
            folder / "logs",
            slowest_seconds=self._slowest_seconds,
        )
        self._watching = Watch(lambda: self._file.state, settings.home / "audit", self._settings)
        self._switching = Switching(
            self._file,
            self._servers,
            self._releases,
            self._records,
            self._settings,
            watch=self._watching,
            under_way=partial(is_under_way, settings.home / "under_way"),
        )

    async def run(self) -> None:
        """Supervise until the process is asked to end; then end what was started."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        await self.supervise(ended)

    async def supervise(self, ended: asyncio.Event) -> None:
        """Supervise until an event; then end what was started."""
        try:
            await self._supervise(ended)
        finally:
            os.close(self._lock)

    async def _supervise(self, ended: asyncio.Event) -> None:
        # What the file of upstreams says follows from the state, also of one that was killed.
        self._file.save()
        if self._gateway is not None:
            self._gateway.start()
        async with asyncio.TaskGroup() as group:
            self._servers.start(group)
            watching = group.create_task(self._watch())
            keeping = []
            if self._gateway is not None:
                keeping.append(group.create_task(self._gateway.keep()))
            await ended.wait()
            LOG.info("ending")
            for task in (watching, *keeping):
                task.cancel()
            await asyncio.gather(watching, *keeping, return_exceptions=True)
            if self._gateway is not None:
                await self._gateway.stop()
            await self._servers.remove(*self._file.state.servers.values())

    async def _watch(self) -> None:
        switch = self._file.state.switch
        if switch is not None and switch.on_trial and not switch.makes_room:
            # Ended in the middle of it: what is released is served while the trial goes on.
            await self._serve_released()
        while True:
            try:
                await self._switching.go()
                await self._next()
            except OSError as error:
                # A disk that is full, say: what runs goes on, and it is tried again.
                LOG.error("%s", error)
                await asyncio.sleep(1)
            if self._file.state.switch is None:
                await self._servers.bell.wait(self._settings.poll_seconds)

    async def _next(self) -> None:
        """Begin the next switch, where there is one to begin."""
        request = self._records.request()
        if request is not None:
            self._take_up(request)
            self._records.take_away(request)
            return
        if self._recovers() or await self._fails():
            return
        await self._tidy()
        await self._serve_released()
        if self._file.state.switch is None:
            self._look_at_manifest()

    def _take_up(self, request: Request) -> None:
        state = self._file.state
        if any(answer["request"] == request.id for answer in state.answers):
            return  # Taken up by one that was killed before it could take the file away.
        try:
            release = self._asked_for(request)
        except ReleaseError as error:
            state.answer(request.id, "refused", str(error))
        else:
            if release.name != state.released:
                self._begin(release, request.action, request.id)
                return
            state.answer(request.id, "accepted", f"{release.name} is served already")
        self._file.save()

    def _asked_for(self, request: Request) -> Release:
        state = self._file.state
        if request.action != ROLLBACK:
            return self._releases.find(request.release)
        if not state.previous:
            raise ReleaseError("no other release was served before: promote one by its name")
        return self._releases.of_version(state.versions[state.previous[0]])

    def _begin(self, release: Release, action: str, request: str = "") -> None:
        server = self._file.state.server_of(self._file.state.released)
        # What is to go does not serve, and its memory is needed.
        lost = action == "recover" and (server is None or not server.ready)
        room = self._settings.mode == "one_at_a_time" or lost
        self._switching.begin(release, action, request, room=room)

    def _look_at_manifest(self) -> None:
        state = self._file.state
        version = self._releases.current_version()
        if version is None or version == state.seen:
            return
        try:
            release = self._releases.of_version(version)
        except ReleaseError as error:
            self._reject(f"unreadable-{version[:12]}", version, str(error), "verifying")
            state.seen = version
            self._file.save()
            return
        if release.name == state.released or self._is_rejected(release):
            if release.name == state.released:
                state.versions[release.name] = version
            state.seen = version
            self._file.save()
            return
        self._begin(release, "manifest")

    def _is_rejected(self, release: Release) -> bool:
        """Whether only a person may have it tried: rejected, or taken back in any version."""
        verdict = self._records.read(release.name)
        if verdict is None or verdict.verdict != REJECTED:
            return False
        return verdict.version == release.version.name or verdict.phase == SERVING

    async def _tidy(self) -> None:
        """End servers of releases that are not served; a switch was left in its last phase."""
        state = self._file.state
        served = state.server_of(state.released)
        idle = [s for s in state.servers.values() if s.wanted and s is not served]
        if idle:
            await self._servers.remove(*idle)

    async def _serve_released(self) -> None:
        """Start a server for what is released where there is none, as after an ordered end."""
        state = self._file.state
        if state.released is None or state.server_of(state.released) is not None:
            return
        try:
            release = self._releases.of_version(state.versions[state.released])
            await asyncio.to_thread(self._releases.verify, release)
        except ReleaseError as error:
            if state.problem != str(error):
                LOG.error("%s cannot be served: %s", state.released, error)
                state.problem = str(error)
                self._file.save()
            if state.switch is None:
                self._take_back(str(error))
            return
        state.problem = ""
        self._servers.add(release.name, release.model)

    def _recovers(self) -> bool:
        """Take back what is released where its server does not stay up."""
        state = self._file.state
        server = state.server_of(state.released)
        if server is None or server.failures < self._settings.give_up_after or server.ready:
            return False
        return self._take_back(
            f"its server failed {server.failures} times in a row, the last time: {server.reason}"
        )

    async def _fails(self) -> bool:
        """Take back what was switched to a short time ago where it fails what people ask."""
        state = self._file.state
        watched = state.watched
        if watched is None:
            return False
        found = await self._watching.look()
        if found is not None and not found.check.passed:
            if self._take_back(f"requests: {found.check.detail}", found):
                return True
            LOG.error("%s: %s; there is none to go back to", watched.release, found.check.detail)
        elif not self._watching.is_over(watched):
            return False
        elif found is not None:
            self._note(watched.release, found)
        state.watched = None
        self._file.save()
        return False

    def _take_back(self, reason: str, found: Finding | None = None) -> bool:
        """Go back to the release before, where there is one; whether there is."""
        state = self._file.state
        while state.released is not None and state.previous:
            try:
                release = self._releases.of_version(state.versions[state.previous[0]])
            except ReleaseError as error:
                LOG.warning("%s is not there any more: %s", state.previous[0], error)
                state.previous = state.previous[1:]
                continue
            version = state.versions[state.released]
            self._reject(state.released, version, reason, SERVING, found=found)
            self._begin(release, "recover")
            return True
        return False

    def _slowest_seconds(self, release: str) -> float:
        verdict = self._records.read(release)
        return verdict.figures.get("slowest_seconds", 0.0) if verdict is not None else 0.0

    def _note(self, release: str, found: Finding) -> None:
        """Add to the verdict on a release how its requests ended."""
        verdict = self._records.read(release)
        if verdict is not None:
            self._records.write(_with(verdict, found))

    def _reject(
        self, release: str, version: str, reason: str, phase: str, *, found: Finding | None = None
    ) -> None:
        LOG.warning("%s is rejected: %s", release, reason)
        verdict = Verdict(release, version, REJECTED, reason, phase, now())
        self._records.write(verdict if found is None else _with(verdict, found))


def _with(verdict: Verdict, found: Finding) -> Verdict:
    return replace(
        verdict,
        checks=[*verdict.checks, found.check.to_json()],
        figures={**verdict.figures, **found.figures},
    )


def _locked(path: Path) -> int:
    """Hold a lock until it is closed or the process ends."""
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise AlreadyRunningError(f"another supervisor runs with {path.parent}") from None
    return lock
