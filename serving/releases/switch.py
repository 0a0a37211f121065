"""The way from one release to the next, a phase at a time.

Belongs here: what each phase does and which one follows. Does not belong here: when a switch begins
(``supervisor.py``), processes (``servers.py``), judging answers (``canary.py``).

Every phase is written down before it is begun and can be begun again::

    verifying ─► [making_room] ─► starting | loading ─► canary ─► accepting ─► draining ─► stopping
        └──────────────┴─────────────────┴────────────────┴─► rejecting
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

from serving.gateway.http_client import Pool
from serving.releases import state as phases
from serving.releases.asking import AskError, load_adapter, models_of, unload_adapter
from serving.releases.canary import Check, read_canary
from serving.releases.manifest import Release, ReleaseError, Releases
from serving.releases.records import ACCEPTED, REJECTED, Records, Verdict
from serving.releases.servers import ServerLostError, Servers
from serving.releases.settings import ReleaseSettings
from serving.releases.state import Server, StateFile, Switch, Watched, now
from serving.releases.trial import RejectedError, try_release
from serving.releases.watching import Watch

LOG = logging.getLogger("amodels.releases")
# Gateways look at the file of upstreams 50 milliseconds after they did at the latest.
_SETTLE_SECONDS = 0.25
_LOOK_SECONDS = 0.1
_ADAPTER_SECONDS = 60.0


class Switching:
    """Carries out the switch that the state has."""

    def __init__(
        self,
        file: StateFile,
        servers: Servers,
        releases: Releases,
        records: Records,
        settings: ReleaseSettings,
        *,
        watch: Watch,
        under_way: Callable[[str], bool],
    ) -> None:
        """Put together of its parts; ``under_way`` says whether a release is being asked."""
        self._file = file
        self._servers = servers
        self._releases = releases
        self._records = records
        self._settings = settings
        self._watch = watch
        self._under_way = under_way
        self._pool = Pool()
        self._phases: dict[str, Callable[[Switch], Awaitable[str]]] = {
            phases.VERIFYING: self._verifying,
            phases.MAKING_ROOM: self._making_room,
            phases.STARTING: self._starting,
            phases.LOADING: self._loading,
            phases.CANARY: self._canary,
            phases.ACCEPTING: self._accepting,
            phases.DRAINING: self._draining,
            phases.STOPPING: self._stopping,
            phases.REJECTING: self._rejecting,
        }

    def begin(self, release: Release, action: str, request: str = "", *, room: bool) -> None:
        """Write down that a release is to be served.

        Args:
            release: The release.
            action: Who wants it, as :class:`Switch` has it.
            request: Of whoever asked.
            room: Whether the old server goes first.
        """
        state = self._file.state
        state.tried = release.name
        state.switch = Switch(
            release=release.name,
            version=release.version.name,
            phase=phases.VERIFYING,
            began_at=now(),
            phase_began=time.time(),
            old=state.released,
            request=request,
            action=action,
            makes_room=room and state.released is not None,
        )
        if action == "manifest":
            state.seen = release.version.name
        self._file.save()
        LOG.info("%s: %s, verifying", release.name, action)

    async def go(self) -> None:
        """Go all the way."""
        state = self._file.state
        while (switch := state.switch) is not None:
            try:
                phase = await self._phases[switch.phase](switch)
            except (RejectedError, ReleaseError, ServerLostError) as error:
                switch.reason, switch.failed_in = str(error), switch.phase
                if isinstance(error, RejectedError):
                    self._note(switch, error.checks, error.figures)
                if isinstance(error, ServerLostError):
                    switch.log = error.tail
                    check = "health" if switch.phase == phases.STARTING else "stays up"
                    self._note(switch, [Check(check, False, str(error))], {})
                phase = phases.REJECTING
            if state.switch is not switch:
                continue  # Over, or another one took its place.
            LOG.info("%s: %s ─► %s", switch.release, switch.phase, phase)
            switch.phase, switch.phase_began = phase, time.time()
            await self._servers.save()

    async def _verifying(self, switch: Switch) -> str:
        release = self._releases.of_version(switch.version)
        try:
            detail = await asyncio.to_thread(self._releases.verify, release)
            read_canary(self._releases.canary(release))
        except (ReleaseError, ValueError) as error:
            raise RejectedError(str(error), [Check("files", False, str(error))]) from error
        switch.checks = [{"check": "files", "passed": True, "detail": detail}]
        if self._file.state.server_of(switch.release) is not None:
            return phases.STARTING
        if self._shares_base(release):
            return phases.LOADING
        return phases.MAKING_ROOM if switch.makes_room else phases.STARTING

    async def _making_room(self, switch: Switch) -> str:
        server = self._file.state.server_of(switch.old)
        if switch.old is not None and server is not None:
            await self._drained(switch.old, switch)
            await self._servers.remove(server)
        return phases.STARTING

    async def _starting(self, switch: Switch) -> str:
        server = self._file.state.server_of(switch.release)
        if server is None:
            release = self._releases.of_version(switch.version)
            server = self._servers.add(switch.release, release.model)
        await self._servers.ready(server)
        return phases.CANARY

    async def _loading(self, switch: Switch) -> str:
        """Into the server of the old release, which has the same base model."""
        state = self._file.state
        server = state.server_of(switch.old)
        release = self._releases.of_version(switch.version)
        folder = release.model.adapter
        if server is None or folder is None or server.record is None or not server.ready:
            return phases.STARTING
        try:
            if switch.release not in await models_of(
                self._pool, server.record.url, _ADAPTER_SECONDS
            ):
                await load_adapter(
                    self._pool, server.record.url, switch.release, folder, _ADAPTER_SECONDS
                )
        except AskError as error:
            if error.status == 404:
                # A server that was started without this ability.
                return phases.MAKING_ROOM if switch.makes_room else phases.STARTING
            raise RejectedError(f"its adapter cannot be loaded: {error}") from error
        state.deployed[switch.release] = server.name
        return phases.CANARY

    async def _canary(self, switch: Switch) -> str:
        state = self._file.state
        server = state.server_of(switch.release)
        if server is None:
            return phases.STARTING
        await self._servers.ready(server)
        assert server.record is not None  # noqa: S101 - one that is ready has a process
        old = state.server_of(switch.old)
        theirs = old.record.url if old and old.record and old.ready else ""
        verdict = self._records.read(switch.old) if switch.old else None
        stored = read_canary(self._releases.canary(self._releases.of_version(switch.version)))
        try:
            checks, figures = await try_release(
                self._pool,
                server.record.url,
                switch.release,
                stored,
                self._settings,
                old=(theirs, switch.old or ""),
                old_seconds=verdict.figures.get("seconds") if verdict else None,
                compare=switch.is_forward,
            )
        except RejectedError as error:
            if isinstance(error.__cause__, AskError):
                # Why a server that ended did so says more than that it did not answer.
                await self._servers.bell.wait(1)
            if server.failure:
                raise ServerLostError(f"{error}; {server.failure}", server.tail) from error
            raise
        if server.failure or not server.ready:
            raise ServerLostError(
                server.failure or "its server failed while it was asked", server.tail
            )
        self._note(switch, checks, figures)
        return phases.ACCEPTING

    async def _accepting(self, switch: Switch) -> str:
        state, old = self._file.state, switch.old
        switch.reason = switch.log = ""
        self._decided(switch, ACCEPTED, phases.CANARY)
        server = state.server_of(switch.release)
        if server is not None:
            server.model = self._releases.of_version(switch.version).model
        before = [old] if old is not None and switch.action != "recover" else []
        others = [name for name in state.previous if name not in {switch.release, old}]
        state.previous = [*before, *others][:20]
        state.released = switch.release
        state.versions[switch.release] = switch.version
        state.problem = ""
        watched = old is not None and switch.is_forward and self._settings.watch_seconds > 0
        state.watched = Watched(switch.release, old or "", time.time()) if watched else None
        if switch.request:
            state.answer(switch.request, "accepted", f"{switch.release} is served")
        return phases.DRAINING

    async def _draining(self, switch: Switch) -> str:
        if switch.old is not None and self._file.state.server_of(switch.old) is not None:
            await self._drained(switch.old, switch)
            if await self._goes_back(switch):
                # Its server runs and was good a moment ago, so it can be served at once.
                self._file.state.switch = None
                await self._servers.save()
        return phases.STOPPING

    async def _stopping(self, switch: Switch) -> str:
        await self._discard(switch.old)
        self._file.state.switch = None
        await self._servers.save()
        return ""

    async def _rejecting(self, switch: Switch) -> str:
        state = self._file.state
        self._decided(switch, REJECTED, switch.failed_in)
        await self._discard(switch.release)
        state.previous = [name for name in state.previous if name != switch.release]
        if switch.request:
            state.answer(switch.request, "rejected", switch.reason)
        state.switch = None
        await self._servers.save()
        return ""

    async def _discard(self, release: str | None) -> None:
        """Take a release from where it is: end its server, or unload its adapter."""
        state = self._file.state
        server = state.server_of(release)
        if release is None or server is None or release == state.released:
            return
        others = [r for r, name in state.deployed.items() if name == server.name and r != release]
        if not others:
            await self._servers.remove(server)
            return
        await self._unload(server, release)
        del state.deployed[release]

    async def _unload(self, server: Server, release: str) -> None:
        if server.record is None:
            return
        try:
            await unload_adapter(self._pool, server.record.url, release, _ADAPTER_SECONDS)
        except AskError as error:
            LOG.warning("%s: the adapter of %s stays loaded: %s", server.name, release, error)

    async def _drained(self, release: str, switch: Switch) -> None:
        """Until no gateway has a request under way at a release, or it took too long."""
        await asyncio.sleep(_SETTLE_SECONDS)
        end = switch.phase_began + self._settings.drain_seconds
        while self._under_way(release):
            if time.time() > end:
                LOG.warning("%s: requests are under way after all this time", release)
                return
            if await self._goes_back(switch):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _goes_back(self, switch: Switch) -> bool:
        """Whether the old release is wanted while it is being left: asked for, or needed."""
        if switch.phase != phases.DRAINING:
            return False
        asked = self._records.request()
        if asked is not None:
            return asked.action == "rollback" or asked.release == switch.old
        found = await self._watch.look()
        return found is not None and not found.check.passed

    def _shares_base(self, release: Release) -> bool:
        """Whether the server of what is released can load the release's adapter."""
        state = self._file.state
        server = state.server_of(state.released)
        if release.base is None or server is None or state.released is None:
            return False
        served = self._releases.of_version(state.versions[state.released])
        return served.base == release.base and server.model.folder == release.model.folder

    def _decided(self, switch: Switch, verdict: str, phase: str) -> None:
        self._records.write(
            Verdict(
                release=switch.release,
                version=switch.version,
                verdict=verdict,
                reason=switch.reason,
                phase=phase,
                decided_at=now(),
                checks=switch.checks,
                figures=switch.figures,
                log=switch.log,
            )
        )

    @staticmethod
    def _note(switch: Switch, checks: list[Check], figures: dict[str, float]) -> None:
        known = {check["check"]: check for check in switch.checks}
        known |= {check.check: check.to_json() for check in checks}
        switch.checks = list(known.values())
        # Others read them as JSON, which has no infinity.
        finite = {name: value for name, value in figures.items() if math.isfinite(value)}
        switch.figures = {**switch.figures, **finite}
