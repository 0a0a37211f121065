"""A steady load on what is released."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field

from tests.unit.serving.releases.world import Supervised
from tests.unit.serving.running import PATIENCE, wait_until


@dataclass
class Load:
    """Streams, one after the other in each of some threads, until the end of a with block.

    Attributes:
        failed: What went wrong, one entry a request.
        served: Release of each answer that was whole, in the order of their ends.
        of_threads: The same of each thread. Only these follow the switches: of two answers at a
            time, the one of the release before may end last.
    """

    world: Supervised
    threads: int = 4
    events: int = 10
    failed: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)
    of_threads: list[list[str]] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self.of_threads = [[] for _ in range(self.threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(served,)) for served in self.of_threads
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _work(self, served: list[str]) -> None:
        asked = {"model": "released", "prompt": "a b", "max_tokens": self.events, "stream": True}
        while not self._stop.is_set():
            try:
                status, release, body = self.world.ask(asked)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                continue
            if status == 200 and body.endswith(b"data: [DONE]\n\n"):
                served.append(release)
                self.served.append(release)
            else:
                self.failed.append(f"{status} {body[-200:]!r}")

    def more(self, number: int, seconds: float = PATIENCE) -> None:
        """Wait for so many more answers."""
        wanted = len(self.served) + number
        wait_until(lambda: len(self.served) >= wanted, seconds)
