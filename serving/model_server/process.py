"""A model server as a process: started, waited for, found again, ended.

Belongs here: what holds for any server that answers ``GET /health`` on a port of this machine. Does
not belong here: vLLM's command line (``vllm.py``), and what a server is asked.

A server outlives whoever started it, so that requests go on while a supervisor is restarted. What
it is found again by is a :class:`ServerRecord`, which its starter keeps in a file. A process's
number alone would not do, as numbers are used again; with the moment of its start it is unique.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_POLL_SECONDS = 0.1
_HEALTH_SECONDS = 5.0
_KILLED_SECONDS = 30.0
_READ_BYTES = 262_144
_TAIL_LINES = 40
_TAIL_ERRORS = 5
# The last line of a Python traceback, after what a logger puts before it.
_ERROR = re.compile(r"^(?:\S.*\] )?((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:: .*)?)$")


@dataclass(frozen=True)
class ServedModel:
    """What a server is to serve.

    Attributes:
        release: Name of the model in requests.
        folder: Whole model: ``config.json``, safetensors, tokenizer.
        adapter: LoRA adapter, served as ``release`` on top of the model in ``folder``.
    """

    release: str
    folder: Path
    adapter: Path | None = None


class ServerFailed(Exception):  # noqa: N818 - it is what happened, and callers read it so
    """A server did not start, or ended.

    Attributes:
        reason: A sentence.
        tail: The last lines of its log.
    """

    def __init__(self, reason: str, tail: str) -> None:
        """Say what happened, with the log's last lines below."""
        super().__init__(f"{reason}\n{tail}" if tail else reason)
        self.reason = reason
        self.tail = tail


class ModelServer(Protocol):
    """A process that was started."""

    @property
    def url(self) -> str:
        """Where it listens, ``http://127.0.0.1:port``."""
        ...

    @property
    def pid(self) -> int:
        """Number of its first process, and of its process group."""
        ...

    @property
    def release(self) -> str:
        """The release that it serves."""
        ...

    def wait_ready(self, timeout: float) -> None:
        """Wait until it answers ``/health`` with 200.

        Raises:
            ServerFailed: It ended, which shows at once, or ``timeout`` seconds went by.
        """
        ...

    def stop(self, timeout: float) -> None:
        """Ask its process group to end, and kill it after ``timeout`` seconds."""
        ...

    def alive(self) -> bool:
        """Whether its first process runs; one that hangs does."""
        ...


class Launcher(Protocol):
    """Starts servers of one kind."""

    def launch(self, model: ServedModel, *, log: Path) -> ModelServer:
        """Start a server that serves ``model``; its output goes to the file ``log``.

        Raises:
            OSError: The program cannot be started.
        """
        ...


@dataclass(frozen=True)
class ServerRecord:
    """What a running server is found again by.

    Attributes:
        url: Where it listens.
        pid: Number of its first process.
        started: When that started, as the kernel counts it, with the kernel's own start.
        release: The release that it serves.
        log: File of its output.
    """

    url: str
    pid: int
    started: str
    release: str
    log: str

    def to_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ServerRecord:
        """From a file.

        Raises:
            KeyError, ValueError: It is no record.
        """
        return cls(
            url=str(raw["url"]),
            pid=int(raw["pid"]),
            started=str(raw["started"]),
            release=str(raw["release"]),
            log=str(raw["log"]),
        )


class ServerProcess:
    """A server that was started here, or found again (:class:`ModelServer`)."""

    def __init__(self, record: ServerRecord, child: subprocess.Popen[bytes] | None = None) -> None:
        """Stand for the process of a record; ``child`` where this process is its parent."""
        self.record = record
        self._child = child

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.record.url

    @property
    def pid(self) -> int:
        """Number of its first process, and of its process group."""
        return self.record.pid

    @property
    def release(self) -> str:
        """The release that it serves."""
        return self.record.release

    def alive(self) -> bool:
        """Whether its first process runs; one that hangs does."""
        if self._child is not None:
            return self._child.poll() is None
        return process_start(self.pid) == self.record.started

    def healthy(self, timeout: float = _HEALTH_SECONDS, path: str = "/health") -> bool:
        """Whether it answers ``path`` with 200 within ``timeout`` seconds."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_ready(self, timeout: float) -> None:
        """Wait until it answers ``/health`` with 200.

        Raises:
            ServerFailed: It ended, which shows at once, or ``timeout`` seconds went by.
        """
        end = time.monotonic() + timeout
        while True:
            if not self.alive():
                raise ServerFailed(f"{self.release}: {self._ending()}", self.tail())
            if self.healthy(min(_HEALTH_SECONDS, max(end - time.monotonic(), 0.1))):
                return
            if time.monotonic() >= end:
                reason = f"{self.release}: its server did not answer within {timeout:.0f} s"
                raise ServerFailed(reason, self.tail())
            time.sleep(_POLL_SECONDS)

    def stop(self, timeout: float) -> None:
        """Ask its process group to end, and kill it after ``timeout`` seconds.

        Raises:
            ServerFailed: It is there even after being killed, as when a disk does not answer.
        """
        if self._signal(signal.SIGTERM, timeout):
            return
        if not self._signal(signal.SIGKILL, _KILLED_SECONDS):
            raise ServerFailed(f"{self.release}: process {self.pid} cannot be killed", self.tail())

    def tail(self) -> str:
        """The last lines of its log."""
        return log_tail(Path(self.record.log))

    def _signal(self, number: signal.Signals, timeout: float) -> bool:
        """Send a signal to what there is of the group; whether all of it is gone in time."""
        if self._members():
            with contextlib.suppress(ProcessLookupError):  # It ended in between.
                os.killpg(self.pid, number)
        end = time.monotonic() + timeout
        while self._members():
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _members(self) -> list[int]:
        """Processes of its group that run. Its first process may have ended before the others.

        The kernel gives the group's number to no new process while a member is left, so that only
        a process of that number with another start says that the group is somebody else's.
        """
        self.alive()  # Takes the status of a child that ended, which frees its number.
        if process_start(self.pid) not in (None, self.record.started):
            return []
        return group_members(self.pid)

    def _ending(self) -> str:
        status = self._child.returncode if self._child is not None else None
        if status is None:
            return "its server ended"
        if status < 0:
            return f"its server was ended by signal {-status} ({signal.strsignal(-status)})"
        return f"its server ended with exit status {status}"


def adopt(record: ServerRecord) -> ServerProcess | None:
    """The server of a record, started by a process that is gone; None where it is gone too."""
    server = ServerProcess(record)
    return server if server.alive() else None


@dataclass(frozen=True)
class CommandLauncher:
    """Starts any command as a model server.

    Attributes:
        command: Program and arguments; ``{port}``, ``{release}``, ``{folder}`` and ``{adapter}``
            (empty for none) in them are replaced.
        environment: All of its variables; None for this process's own, less ``AMODELS_*``, where
            passwords may be.
    """

    command: Sequence[str]
    environment: Mapping[str, str] | None = None

    def launch(self, model: ServedModel, *, log: Path) -> ServerProcess:
        """Start a server on a free port, in a process group of its own."""
        port = free_port()
        values = {
            "{port}": str(port),
            "{release}": model.release,
            "{folder}": str(model.folder),
            "{adapter}": str(model.adapter or ""),
        }
        arguments = [_filled(part, values) for part in self.command]
        environment = inherited_environment() if self.environment is None else self.environment
        return start(arguments, environment, port=port, release=model.release, log=log)


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    port: int,
    release: str,
    log: Path,
) -> ServerProcess:
    """Start a program that is to listen on ``port``.

    Raises:
        OSError: It cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            list(arguments),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
    finally:
        os.close(handle)
    # A child that ended already has its number until it is waited for.
    started = process_start(child.pid, ended=True) or ""
    url = f"http://{HOST}:{port}"
    return ServerProcess(ServerRecord(url, child.pid, started, release, str(log)), child)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])


def inherited_environment() -> dict[str, str]:
    """This process's variables, less ``AMODELS_*``: a model server needs no store's password."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AMODELS_")}


def log_tail(log: Path) -> str:
    """The last lines of a log, at most 40; empty where there is none.

    A server of several processes ends its log with one that says no more than that another one
    failed, so lines that name an error and stand further up come first.
    """
    try:
        with log.open("rb") as handle:
            handle.seek(max(handle.seek(0, os.SEEK_END) - _READ_BYTES, 0))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    errors = dict.fromkeys(
        found[1] for line in lines[:-_TAIL_LINES] if (found := _ERROR.search(line))
    )
    return "\n".join([*list(errors)[-_TAIL_ERRORS:], *lines[-_TAIL_LINES:]])


def process_start(pid: int, *, ended: bool = False) -> str | None:
    """What tells a process from all others that have its number, before or after it.

    Args:
        pid: Its number.
        ended: Whether one that ended and was not waited for counts.

    Returns:
        The kernel's own start and ticks since then (``proc_pid_stat(5)``); None for no process.
    """
    fields = _status(pid)
    if fields is None or (fields[0] in "ZX" and not ended):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{fields[19]}"


def group_members(group: int) -> list[int]:
    """Processes of a process group that run, in the order of their numbers."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _status(int(name))
            if fields is not None and fields[0] not in "ZX" and fields[2] == str(group):
                found.append(int(name))
    return sorted(found)


def _status(pid: int) -> list[str] | None:
    """Fields of ``/proc/PID/stat`` after the program's name, which may hold blanks."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text
