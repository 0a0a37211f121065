"""A small JSON file that several processes share.

Belongs here: reading it again only when it changed, and replacing it in one step under a lock.
Does not belong here: what stands in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_LOOK_SECONDS = 0.05


class DamagedFileError(ValueError):
    """A file cannot be understood; the message says which and what to do."""


class JsonFile(Generic[T]):
    """A JSON file and what is made of it.

    Every writer renames a new file into place, so a change shows in the file's inode. Readers look
    at that again after 50 milliseconds: a look is a system call, and requests come faster.
    """

    def __init__(self, path: Path, parse: Callable[[Any], T], empty: Callable[[], Any]) -> None:
        """Use ``path``, which need not exist.

        Args:
            path: The file.
            parse: Makes the value of the decoded JSON; raises ValueError or KeyError.
            empty: The decoded JSON of a file that is not there.
        """
        self.path = path
        self._name = str(path)
        self._parse = parse
        self._empty = empty
        self._look_at = 0.0
        self._seen: tuple[int, int, int] | None = None
        self._value: T = parse(empty())

    def read(self) -> T:
        """The value as it was at most 50 milliseconds ago.

        Raises:
            DamagedFileError: The file is there and cannot be understood.
        """
        now = time.monotonic()
        if now < self._look_at:
            return self._value
        try:
            status = os.stat(self._name)
        except FileNotFoundError:
            if self._seen is not None:
                self._seen, self._value = None, self._parse(self._empty())
            self._look_at = now + _LOOK_SECONDS
            return self._value
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._value = self._understood(self.path.read_bytes())
            self._seen = seen
        self._look_at = now + _LOOK_SECONDS
        return self._value

    def update(self, change: Callable[[Any], Any]) -> T:
        """Replace the content by what ``change`` makes of it; writers wait for each other."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            raw = self._empty()
            if self.path.exists():
                content = self.path.read_bytes()
                self._understood(content)
                raw = json.loads(content)
            changed = json.dumps(change(raw), indent=1, sort_keys=True).encode() + b"\n"
            value = self._understood(changed)
            replace_file(self.path, changed)
            self._look_at = 0.0
        finally:
            os.close(lock)
        return value

    def _understood(self, content: bytes) -> T:
        try:
            return self._parse(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                f"{self.path} cannot be understood ({error}): restore it or delete it"
            ) from error


def beside(path: Path) -> Path:
    """Where a process writes what is to become a file: no other does, on whichever machine.

    Containers that share a volume have the same process ids, but each its own name.
    """
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step; only its owner may read it, also after a crash."""
    aside = beside(path)
    handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
