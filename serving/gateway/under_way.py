"""Which releases are being asked, for whoever wants to stop a server.

Belongs here: saying so, and finding out. Does not belong here: stopping servers.

Each process of the gateway holds a shared lock on a release's file while it has a request under way
there. The kernel gives a lock back however a process ends, so nothing is left behind by one that
was killed. Whoever asks only looks, so that it never keeps a gateway waiting.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

# struct flock of 64-bit Linux: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi4x")


class UnderWay:
    """Of one process."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which need not exist."""
        self._folder = folder
        self._number: Counter[str] = Counter()
        self._files: dict[str, int] = {}

    @contextmanager
    def at(self, release: str) -> Generator[None]:
        """While a request is under way at a release."""
        self._number[release] += 1
        if self._number[release] == 1:
            # Nobody ever holds the other kind of lock: this does not wait.
            fcntl.lockf(self._file(release), fcntl.LOCK_SH)
        try:
            yield
        finally:
            self._number[release] -= 1
            if not self._number[release]:
                fcntl.lockf(self._files[release], fcntl.LOCK_UN)

    def close(self) -> None:
        """Give everything back."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _file(self, release: str) -> int:
        found = self._files.get(release)
        if found is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Never removed: a process may hold it open as long as it lives.
            found = os.open(_path(self._folder, release), os.O_CREAT | os.O_RDWR, 0o600)
            self._files[release] = found
        return found


def is_under_way(folder: Path, release: str) -> bool:
    """Whether another process has a request under way at a release."""
    try:
        file = os.open(_path(folder, release), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        found = _FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    finally:
        os.close(file)
    return found[0] != fcntl.F_UNLCK


def _path(folder: Path, release: str) -> Path:
    return folder / f"{release}.lock"
