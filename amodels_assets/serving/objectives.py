"""What the endpoint is to keep: latency and failures under a stated load.

Belongs here: judging a profile. Does not belong here: measuring it (``load_profile.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Objectives:
    """Bounds of every measurement that has at most so many clients.

    Attributes:
        first_token_p95: Seconds.
        latency_p95: Seconds.
        failed: Share of the requests.
        up_to: Clients at once; what more of them see is shown and not judged.
    """

    first_token_p95: float
    latency_p95: float
    failed: float
    up_to: int


def unmet(rows: Iterable[Mapping[str, Any]], wanted: Objectives) -> list[str]:
    """What was not kept, a sentence each; empty where all was.

    Args:
        rows: Of a profile, as ``load_profile.Point`` has them.
        wanted: The bounds.
    """
    judged = [row for row in rows if row["concurrency"] <= wanted.up_to]
    if not judged:
        return [f"nothing was measured with {wanted.up_to} clients or fewer"]
    found = []
    for row in judged:
        share = row["failures"] / row["requests"]
        for what, seen, bound in (
            (
                "the 95th percentile to the first token",
                row["first_token_p95"],
                wanted.first_token_p95,
            ),
            ("the 95th percentile of the latency", row["latency_p95"], wanted.latency_p95),
        ):
            # A figure that is no number keeps nothing.
            if not seen <= bound:
                found.append(f"{what} is {seen:.3f} s with {row['concurrency']} at once, "
                             f"wanted {bound:g} s")  # fmt: skip
        if not share <= wanted.failed:
            found.append(f"{share:.1%} of the requests failed with {row['concurrency']} at once, "
                         f"wanted at most {wanted.failed:.1%}")  # fmt: skip
    return found
