"""Work shared out among processes that inherit everything read so far.

Belongs here: starting processes, collecting what they found, fair shares. Does not belong here:
what the work is.

Forked, not spawned: a worker starts in milliseconds and nothing has to be sent to it. So whoever
calls this must not have started threads, which is why the catalog loads Arrow only afterwards.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

Part = TypeVar("Part")
Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerError(Exception):
    """A worker process ended without an answer; the message says what to do."""


def fork_map(
    function: Callable[[Part], Result],
    parts: Sequence[Part],
    meanwhile: Callable[[], object] | None = None,
) -> list[Result]:
    """Call a function on each part, each in a process of its own.

    Args:
        function: What it returns has to be picklable.
        parts: One a process; a single one needs no process.
        meanwhile: What this process does while the others work.

    Returns:
        Results in the order of the parts.

    Raises:
        WorkerError: A process failed or was killed.
    """
    if len(parts) == 1:
        results = [function(parts[0])]
        if meanwhile:
            meanwhile()
        return results
    context = multiprocessing.get_context("fork")
    started = []
    # A worker's collector must not look at what it inherits: that would copy all of it.
    gc.freeze()
    try:
        for part in parts:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_answer, args=(sender, function, part), daemon=True)
            process.start()
            sender.close()
            started.append((process, receiver))
        if meanwhile:
            meanwhile()
        return [receiver.recv() for _, receiver in started]
    except EOFError:
        text = "a worker process ended without an answer: free memory, or say --workers 1"
        raise WorkerError(text) from None
    finally:
        gc.unfreeze()
        for process, receiver in started:
            receiver.close()
            # One that still runs now lost its siblings or its parent's interest.
            process.terminate()
            process.join()


def _answer(sender: Connection, function: Callable[[Part], Result], part: Part) -> None:
    sender.send(function(part))
    sender.close()


def fair_shares(items: Sequence[Item], sizes: Sequence[int], shares: int) -> list[list[Item]]:
    """Put each item, the largest first, where the least has come together so far.

    Args:
        items: To be shared out.
        sizes: Of each, in any unit.
        shares: How many; fewer come back when there are fewer items, and one where the system
            cannot fork.
    """
    shares = shares if sys.platform == "linux" else 1
    found: list[list[Item]] = [[] for _ in range(max(1, min(shares, len(items))))]
    loads = [0] * len(found)
    for index in sorted(range(len(items)), key=lambda i: (-sizes[i], i)):
        least = loads.index(min(loads))
        found[least].append(items[index])
        loads[least] += sizes[index]
    return found
