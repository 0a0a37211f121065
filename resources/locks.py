"""Locks between runs, as a Dagster resource.

With Redis a lock holds between machines: it has a lease, which is renewed while the work goes on
and ends by itself where the process dies. Without Redis it is a locked file and holds between the
processes of one machine.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from resources.redis_client import connected_redis

LEASE_SECONDS = 30
WAIT_SECONDS = 3600


class LockError(Exception):
    """A lock cannot be had or was lost; the message says which and why."""


class LockResource(dg.ConfigurableResource):
    """Locks by name.

    Attributes:
        redis_url: ``redis://:password@host:port/number``; empty for files.
        folder: Where the files are.
        lease_seconds: How long a lock outlives a process that died.
        wait_seconds: How long to wait for a lock that another run holds.
    """

    redis_url: str = ""
    folder: str
    lease_seconds: float = LEASE_SECONDS
    wait_seconds: float = WAIT_SECONDS

    def __repr__(self) -> str:
        """Name the class only: the URL may hold a password."""
        return "LockResource(***)"

    __str__ = __repr__

    @contextmanager
    def hold(self, name: str) -> Generator[Callable[[], None]]:
        """Hold a lock; gives a function that raises when it was lost in between.

        Args:
            name: What is locked, ``schemas/postgresql`` say.

        Raises:
            LockError: It cannot be had.
        """
        if self.redis_url:
            with self._leased(name) as still_held:
                yield still_held
        else:
            with self._locked_file(name):
                yield lambda: None

    @contextmanager
    def _locked_file(self, name: str) -> Generator[None]:
        path = Path(self.folder) / f"{name.replace('/', '--')}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("w")
        except OSError as error:
            raise LockError(f"{path} cannot be locked: {error.strerror}") from error
        with handle:
            # Released by the kernel however the process ends.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _leased(self, name: str) -> Generator[Callable[[], None]]:
        from redis.exceptions import LockError as RedisLockError
        from redis.exceptions import RedisError

        with connected_redis(self.redis_url) as client:
            lock = client.lock(
                f"amodels:lock:{name}",
                timeout=self.lease_seconds,
                blocking_timeout=self.wait_seconds,
                thread_local=False,
            )
            if not lock.acquire():
                raise LockError(
                    f"another run has held {name} for {self.wait_seconds:g} s: wait until it ends"
                )
            ended, lost = threading.Event(), threading.Event()

            def renew() -> None:
                while not ended.wait(self.lease_seconds / 3):
                    try:
                        lock.reacquire()
                    except RedisLockError:
                        lost.set()
                        return
                    except RedisError:
                        # It may answer again before the lease ends; if not, the next try says so.
                        continue

            def still_held() -> None:
                if lost.is_set() or not lock.owned():
                    raise LockError(f"the lock of {name} was lost: materialize again")

            renewal = threading.Thread(target=renew, name=f"lease of {name}", daemon=True)
            renewal.start()
            try:
                yield still_held
            finally:
                ended.set()
                renewal.join()
                try:
                    lock.release()
                except RedisLockError:
                    # Lost, or ended by itself: somebody else may hold it now.
                    lost.set()
