"""Being asked to stop: by SIGTERM or Ctrl-C a training saves where it is and ends.

Belongs here: turning signals into a question that the loop asks between two steps.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def asked_to_stop() -> Generator[Callable[[], bool]]:
    """A function that says whether a signal came; signals do nothing else in the meantime.

    In a thread other than the main one signals cannot be handled: there it is never true.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (Python's own form)
        came.set()

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
