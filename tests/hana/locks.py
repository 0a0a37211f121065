"""Locks on tables that sessions take with LOCK TABLE and hold until their transaction ends."""

from __future__ import annotations

import threading

from tests.hana.errors import LOCK_TIMEOUT, EngineError


class Locks:
    """Which session holds which table."""

    def __init__(self) -> None:
        """Nobody holds anything."""
        self._changed = threading.Condition()
        self._held: dict[tuple[str, str], object] = {}

    def wait(self, session: object, place: tuple[str, str], seconds: float) -> None:
        """Wait until no other session holds a table.

        Raises:
            EngineError: It took too long.
        """
        with self._changed:
            free = self._changed.wait_for(
                lambda: self._held.get(place, session) is session, timeout=seconds
            )
        if not free:
            raise EngineError(
                LOCK_TIMEOUT,
                "transaction rolled back by lock wait timeout: Lock-wait timeout exceeded",
            )

    def take(self, session: object, place: tuple[str, str], seconds: float) -> None:
        """Hold a table."""
        self.wait(session, place, seconds)
        with self._changed:
            self._held[place] = session

    def release(self, session: object) -> None:
        """Let go of all that a session holds."""
        with self._changed:
            self._held = {p: s for p, s in self._held.items() if s is not session}
            self._changed.notify_all()


LOCKS = Locks()
