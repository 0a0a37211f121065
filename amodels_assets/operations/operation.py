"""What the record has of everything that happened.

Belongs here: one operation and the words for its kind and state. Does not belong here: where it is
kept (``schema.py``) and what it is made from (``event_log.py``, ``requests.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS = ("run", "step", "materialization", "observation", "check", "request")
# Of a kind, those that went wrong.
FAILURES = frozenset({"failed", "retried", "interrupted"})
_ERROR_CLASS = re.compile(r"[A-Za-z_][\w.]{0,199}")


@dataclass(frozen=True)
class Operation:
    """Something that happened.

    A run, its steps and what they made are operations of different kinds: figures may be added up
    within a kind, never over kinds.

    Attributes:
        operation_id: The same whenever it is read again.
        run_id: Of Dagster's; empty for what happened outside of runs.
        kind: One of ``KINDS``.
        room: First part of the asset's key; empty for runs and requests.
        name: Job, step, asset, ``asset:check``, or the release that answered.
        part: Attempt of a step, partition of an asset, what launched a run.
        status: ``succeeded``, ``failed``, ``skipped``, ``retried`` (failed, with another attempt
            after it), ``interrupted`` (never ended, in a run that did), ``running``, … ; of checks
            ``passed``, ``failed`` and ``warned``; of requests ``succeeded``, ``refused``,
            ``failed`` and ``abandoned``.
        started_at: Seconds since 1970.
        seconds: That it took; None where nobody knows or it has not ended.
        cpu_seconds: Of its process and the children that it waited for.
        gpu_seconds: Seconds times GPUs.
        energy_joules: As measured or declared.
        cost: In the currency of the declared prices.
        error_class: Name of the innermost exception's class, never its message.
        count: How many it stands for: 1, or the requests of an hour.
    """

    operation_id: str
    run_id: str
    kind: str
    name: str
    status: str
    room: str = ""
    part: str = ""
    started_at: float = 0.0
    seconds: float | None = None
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    energy_joules: float | None = None
    cost: float | None = None
    error_class: str = ""
    count: int = 1


def error_class_of(name: str | None) -> str:
    """The name of a class; ``unnamed`` for what cannot be one, which may be a message."""
    if not name:
        return ""
    return name if _ERROR_CLASS.fullmatch(name) else "unnamed"
