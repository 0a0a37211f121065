"""The gateway as a process that is kept running.

Belongs here: starting it on a socket that outlives it, finding it again, starting it anew. Does not
belong here: what it does (``serving.gateway``).

The supervisor holds the listening socket, so that connections that come while the gateway is
started anew wait for it. One that a supervisor before this one started has the socket for itself;
only when it ends is the address bound again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.gateway.json_file import replace_file
from serving.model_server.process import ServerFailed, ServerProcess, ServerRecord, process_start

LOG = logging.getLogger("amodels.releases")
_PATH = "/healthz"
_PROBE_SECONDS = 2.0
_LOOK_SECONDS = 0.2
_START_SECONDS = 30.0
_HUNG_SECONDS = 20.0
_STOP_SECONDS = 40.0
_MOST_BACKOFF = 10.0


class GatewayProcess:
    """The gateway's process."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        address: str,
        listen: Callable[[], socket.socket],
    ) -> None:
        """Keep it running.

        Args:
            folder: Where its record and its log are kept.
            command: Program and arguments, to which ``--fd NUMBER`` is added.
            address: Where it is to listen, for the record.
            listen: Makes the socket for that.
        """
        self._record = folder / "gateway.json"
        self._log = folder / "logs" / "gateway.log"
        self._command = list(command)
        self._address = address
        self._listen = listen
        self._socket: socket.socket | None = None
        self.process: ServerProcess | None = None

    def start(self) -> None:
        """Find the one that runs, or start one.

        Raises:
            OSError, ValueError: It cannot listen.
        """
        found = self._found()
        if found is not None:
            LOG.info("gateway: process %d runs already at %s", found.pid, found.url)
            self.process = found
            return
        self._launch()

    async def keep(self) -> None:
        """Start it anew whenever it ends or hangs; never returns."""
        failures = 0
        while True:
            began = time.monotonic()
            reason = await self._watch()
            LOG.warning("gateway: %s", reason)
            failures = 1 if time.monotonic() - began > 60 else failures + 1
            assert self.process is not None  # noqa: S101 - start() comes first
            await asyncio.to_thread(self.process.stop, 1.0)
            if failures > 1:
                await asyncio.sleep(min(0.5 * 2 ** min(failures, 10), _MOST_BACKOFF))
            while True:
                try:
                    await asyncio.to_thread(self._launch)
                    break
                except (OSError, ValueError) as error:
                    LOG.error("gateway: cannot be started: %s", error)
                    await asyncio.sleep(1)

    async def stop(self) -> None:
        """End it; answers under way get their time."""
        if self.process is not None:
            await asyncio.to_thread(self.process.stop, _STOP_SECONDS)
        self._record.unlink(missing_ok=True)
        if self._socket is not None:
            self._socket.close()

    async def _watch(self) -> str:
        process = self.process
        assert process is not None  # noqa: S101 - start() comes first
        well_at = ask_at = time.monotonic()
        patience = _START_SECONDS
        while True:
            if not process.alive():
                try:
                    await asyncio.to_thread(process.wait_ready, 0.1)
                except ServerFailed as error:
                    return f"{error.reason}\n{error.tail}".strip()
            if time.monotonic() >= ask_at:
                if await asyncio.to_thread(process.healthy, 5.0, _PATH):
                    well_at, patience = time.monotonic(), _HUNG_SECONDS
                elif time.monotonic() > well_at + patience:
                    return f"it did not answer {_PATH} for {patience:g} s"
                ask_at = time.monotonic() + _PROBE_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)

    def _launch(self) -> None:
        if self._socket is None:
            self._socket = self._listen()
        number = self._socket.fileno()
        host, port = self._socket.getsockname()[:2]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [*self._command, "--fd", str(number)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(number,),
                start_new_session=True,
            )
        started = process_start(child.pid, ended=True) or ""
        host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared only
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        record = ServerRecord(url, child.pid, started, "gateway", str(self._log))
        try:
            content = {**record.to_json(), "command": self._command, "address": self._address}
            replace_file(self._record, json.dumps(content).encode())
        except OSError:
            # One that no record tells of would stay for ever.
            ServerProcess(record, child).stop(1.0)
            raise
        self.process = ServerProcess(record, child)
        LOG.info("gateway: process %d at %s", child.pid, url)

    def _found(self) -> ServerProcess | None:
        try:
            content = json.loads(self._record.read_bytes())
            record = ServerRecord.from_json(content)
            same = (content["command"], content["address"]) == (self._command, self._address)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        process = ServerProcess(record)
        if process.alive() and same:
            return process
        # One that is to run otherwise, or what is left of one that ended and holds the address.
        process.stop(_STOP_SECONDS if process.alive() else 1.0)
        return None
