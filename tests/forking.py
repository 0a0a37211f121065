"""``amodels train`` as processes that start at once: forks of one that has torch imported.

Each is a process of its own, which can be stopped and killed and whose end is told like that of
any other. Importing torch takes ten times as long as the trainings of the tests do.

Belongs here: the server that forks, and its processes as the tests see them. Does not belong here:
what is trained.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# What is compiled when it is first called, and imports numba.
KERNELS = ("link_kernels", "plan_kernels", "sampler_kernels", "value_kernels")
# A fork has only the thread that forked: libraries must not have begun others.
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Forked:
    """A process, with what the tests use of :class:`subprocess.Popen`.

    Attributes:
        pid: Its number.
        returncode: As of a ``Popen``, None until its end was waited for.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        """Start ``amodels`` with some arguments."""
        self._files = [tempfile.TemporaryFile() for _ in (1, 2)]  # noqa: SIM115 - outlive this
        own, its = socket.socketpair()
        asked = json.dumps({"arguments": arguments, "environment": environment})
        with its:
            handles = [its.fileno(), *(file.fileno() for file in self._files)]
            socket.send_fds(_server(), [asked.encode()], handles)
        self._told = own.makefile("r")
        self._connection = own
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends.

        Raises:
            subprocess.TimeoutExpired: It did not within so many seconds.
        """
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("amodels", timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait until it ends; what it printed and what it said."""
        self.wait(timeout)
        for file in self._files:
            file.seek(0)
        printed, said = (file.read().decode() for file in self._files)
        return printed, said

    def send_signal(self, number: int) -> None:
        """Send a signal to a process that has not ended."""
        if self.returncode is None and not select.select([self._connection], [], [], 0)[0]:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)


@cache
def _server() -> socket.socket:
    """What requests are sent to; the server ends with this process."""
    own, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forking", str(its.fileno())],
        cwd=ROOT,
        env={**os.environ, **ALONE},
        pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL,
    )
    its.close()

    def end() -> None:
        own.close()
        process.wait()

    atexit.register(end)
    return own


def serve(requests: socket.socket) -> None:
    """Fork for every request, and tell its connection the number and the end of the process."""
    running: dict[int, socket.socket] = {}
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    while True:
        ready = select.select([requests, wake], [], [])[0]
        if wake in ready:
            wake.recv(4096)
            _tell_ends(running)
        if requests in ready:
            asked, handles, *_ = socket.recv_fds(requests, 1 << 20, 3)
            if not asked:
                return
            connection = socket.socket(fileno=handles[0])
            pid = os.fork()
            if not pid:
                for other in (requests, wake, woken, connection, *running.values()):
                    other.close()
                _become(json.loads(asked), handles[1:])
            running[pid] = connection
            connection.sendall(b"%d\n" % pid)
            for handle in handles[1:]:
                os.close(handle)


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as connection:
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(asked: dict[str, Any], handles: list[int]) -> None:
    """Be the command from now on."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for handle, standard in zip(handles, (1, 2), strict=True):
        os.dup2(handle, standard)
        os.close(handle)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["amodels", *asked["arguments"]]
    from amodels_assets.cli import main

    main()
    sys.exit()


def _import() -> None:
    """What the trainings would import one after the other."""
    for name in (
        "torch._dynamo",  # torch imports it with the first optimizer
        "pyarrow.dataset",
        "pandas",
        "amodels_assets.training.train",
        "amodels_assets.training.stream",
        *("amodels_assets.training." + name for name in KERNELS),
    ):
        import_module(name)


if __name__ == "__main__":
    _import()
    serve(socket.socket(fileno=int(sys.argv[1])))
