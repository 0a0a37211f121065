"""Prepares the next batches while the model computes.

The results come in order, and each depends on its number alone: how many threads prepare them
changes the time and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Number = TypeVar("Number")
Result = TypeVar("Result")


def prepared(
    work: Callable[[Number], Result], numbers: Iterable[Number], *, threads: int
) -> Iterator[Result]:
    """What ``work`` makes of each number, in their order, prepared ahead.

    Args:
        work: Must be safe to call from several threads; it gains when it releases the interpreter.
        numbers: What to work on.
        threads: How many prepare; 0 for none, when the caller does it.
    """
    if not threads:
        yield from map(work, numbers)
        return
    rest = iter(numbers)
    with ThreadPoolExecutor(threads, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Result]] = deque(
            pool.submit(work, number) for number in islice(rest, threads + 1)
        )
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, number) for number in islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
