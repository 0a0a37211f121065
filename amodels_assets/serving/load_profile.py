"""A load on an endpoint, and what it came to: latency over how many ask at once.

Belongs here: clients side by side, their figures, the table and the picture. Does not belong here:
one client (``load.py``) and what is good enough (``objectives.py``).

A closed loop: so many clients, each of which asks again once it has its answer. So the load is
never more than the endpoint takes, and latency over concurrency is what one looks at (Schroeder,
Wierman and Harchol-Balter, NSDI 2006, say what that does not show).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from amodels_assets.serving.load import Answered, Connect, Load, ask


class LoadError(RuntimeError):
    """Nothing was answered; the message says what came instead."""


@dataclass(frozen=True)
class Point:
    """One row of a profile; seconds are of the requests that were answered.

    Attributes:
        concurrency: Clients at once.
        requests: Asked.
        failures: Of them.
        seconds: That all took.
        requests_per_second: Answered.
        tokens_per_second: Of answers.
        latency_p50: Half were answered in that time; and so on.
        latency_p95: See above.
        latency_p99: See above.
        first_token_p50: Until the first part of the answer.
        first_token_p95: See above.
        first_token_p99: See above.
    """

    concurrency: int
    requests: int
    failures: int
    seconds: float
    requests_per_second: float
    tokens_per_second: float
    latency_p50: float
    latency_p95: float
    latency_p99: float
    first_token_p50: float
    first_token_p95: float
    first_token_p99: float


@dataclass(frozen=True)
class Profile:
    """Measurements of one load.

    Attributes:
        points: One a concurrency.
        releases: That answered.
        failures: Reasons, and how often.
    """

    points: tuple[Point, ...]
    releases: tuple[str, ...]
    failures: dict[str, int]

    def rows(self) -> list[dict[str, Any]]:
        """The points as rows of a table."""
        return [asdict(point) for point in self.points]


def profile(
    connect: Connect, headers: dict[str, str], load: Load, say: Callable[[str], None]
) -> Profile:
    """Run a load, fewer clients first.

    Args:
        connect: Makes a connection to the endpoint.
        headers: Of each request: they hold the key.
        load: What is asked.
        say: Progress.

    Raises:
        LoadError: Of a measurement no request was answered.
    """
    numbers = itertools.count()
    # Connections, caches and kernels: what the first request pays for everybody.
    warm = ask(connect, headers, load, next(numbers))
    if warm.failure:
        raise LoadError(f"the endpoint does not answer for {load.model!r}: {warm.failure}")
    points, releases, failures = [], {warm.release}, Counter()
    for clients in sorted(set(load.concurrency)):
        count = max(load.requests, clients)
        started = time.perf_counter()
        answers = _together(connect, headers, load, clients=clients, numbers=numbers, count=count)
        point = summarised(clients, answers, time.perf_counter() - started)
        say(
            f"{clients} at once: {point.requests_per_second:.1f} requests and "
            f"{point.tokens_per_second:.0f} tokens a second, {point.failures} failed"
        )
        points.append(point)
        releases |= {answer.release for answer in answers if not answer.failure}
        failures.update(answer.failure for answer in answers if answer.failure)
    return Profile(tuple(points), tuple(sorted(filter(None, releases))), dict(failures))


def summarised(clients: int, answers: Sequence[Answered], seconds: float) -> Point:
    """A measurement in figures.

    Raises:
        LoadError: No request was answered.
    """
    good = [answer for answer in answers if not answer.failure]
    if not good:
        reason = answers[0].failure if answers else "nothing was asked"
        raise LoadError(
            f"none of {len(answers)} requests was answered at {clients} at once: {reason}"
        )
    latency = np.percentile([answer.seconds for answer in good], (50, 95, 99))
    begun = [a.first_token if a.first_token is not None else a.seconds for a in good]
    first = np.percentile(begun, (50, 95, 99))
    figures = (
        seconds,
        len(good) / seconds,
        sum(answer.tokens for answer in good) / seconds,
        *latency.tolist(),
        *first.tolist(),
    )
    rounded = (round(figure, 6) for figure in figures)
    return Point(clients, len(answers), len(answers) - len(good), *rounded)


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A profile as a Markdown table."""
    lines = [
        "| at once | requests/s | tokens/s | first token p50 | p95 | latency p50 | p95 | p99 "
        "| failed |",
        "|---" * 9 + "|",
    ]
    lines += [
        f"| {r['concurrency']} | {r['requests_per_second']:.2f} | {r['tokens_per_second']:.1f} "
        f"| {r['first_token_p50']:.3f} s | {r['first_token_p95']:.3f} s "
        f"| {r['latency_p50']:.3f} s | {r['latency_p95']:.3f} s | {r['latency_p99']:.3f} s "
        f"| {r['failures']} of {r['requests']} |"
        for r in rows
    ]
    return "\n".join(lines)


def picture(rows: Sequence[dict[str, Any]]) -> bytes:
    """Latency over concurrency as PNG."""
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    at_once = [row["concurrency"] for row in rows]
    for what, style in (("latency", "-"), ("first_token", "--")):
        for share in ("p50", "p95"):
            values = [row[f"{what}_{share}"] for row in rows]
            axes.plot(at_once, values, style, marker="o", label=f"{what.replace('_', ' ')} {share}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(at_once, [str(number) for number in at_once])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("clients at once")
    axes.set_ylabel("seconds")
    axes.legend(fontsize="small")
    buffer = io.BytesIO()
    # Without the library's version in it.
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()


def _together(
    connect: Connect,
    headers: dict[str, str],
    load: Load,
    *,
    clients: int,
    numbers: itertools.count[int],
    count: int,
) -> list[Answered]:
    """Answers to so many requests, asked by so many clients."""
    left = iter(range(count))
    answers: list[Answered] = []
    turn = threading.Lock()

    def client() -> None:
        while True:
            with turn:
                if next(left, None) is None:
                    return
                number = next(numbers)
            answer = ask(connect, headers, load, number)
            with turn:
                answers.append(answer)

    threads = [threading.Thread(target=client, name=f"client {n}") for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
