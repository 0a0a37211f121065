"""One look at all objectives, with all that happened until now.

Belongs here: taking in, judging and telling, in this order, for whoever looks regularly. Does not
belong here: how often that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amodels_assets.operations.budget import Standing, standings
from amodels_assets.operations.intake import take_in
from amodels_assets.operations.notices import Send, tell
from amodels_assets.operations.objectives import Objective
from amodels_assets.operations.prices import Prices
from amodels_assets.operations.store import opened

if TYPE_CHECKING:
    import dagster as dg

_HOUR = 3600.0


@dataclass(frozen=True)
class Seen:
    """What was seen.

    Attributes:
        standings: Of every objective.
        untold: Subjects that nobody could be told of, though somebody should.
    """

    standings: list[Standing]
    untold: list[str]


def look(
    instance: dg.DagsterInstance,
    url: str,
    *,
    objectives: Sequence[Objective],
    prices: Prices,
    audit_log: Path,
    send: Send | None,
    quiet_hours: float,
    now: float,
) -> Seen:
    """Look once.

    Args:
        instance: Dagster's.
        url: Of the record.
        objectives: The promises.
        prices: That hold now.
        audit_log: Folder of the gateway's audit log.
        send: Takes messages; None where nobody is told.
        quiet_hours: In which nobody is told of the same objective again.
        now: Seconds since 1970.

    Raises:
        OperationsError: The record or the audit log cannot be used.
    """
    with opened(url) as engine:
        take_in(instance, engine, prices=prices, audit_log=audit_log, now=now)
        with engine.begin() as connection:
            found = standings(connection, objectives, now)
        if send is None:
            return Seen(found, [])
        return Seen(found, tell(engine, found, send, now=now, quiet=quiet_hours * _HOUR))
