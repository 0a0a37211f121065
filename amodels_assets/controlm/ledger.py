"""Conditions as records in Dagster's event log: each job's materialization says what it changed.

Belongs here: what is written with a materialization and how it is read again. Does not belong
here: what a condition means (``conditions.py``), Dagster's instance (the sensor has it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from amodels_assets.controlm.conditions import Change
from amodels_assets.controlm.plan import PREFIX, JobPlan

ORDER_DATE = "amodels/order_date"
CHANGES = "conditions"
# Conditions that somebody sets from outside are recorded on this asset.
SET_BY_HAND = (PREFIX, "conditions_set_by_hand")

Record = dict[str, str | bool]


def changes_of(plan: JobPlan) -> list[Record]:
    """What a job's end changes, in the order in which Control-M does it: additions first."""
    return [record(name, rule, added=True) for name, rule in plan.adds] + [
        record(name, rule, added=False) for name, rule in plan.deletes
    ]


def record(name: str, rule: str, *, added: bool) -> Record:
    """One change as it is written."""
    return {"condition": name, "date_rule": rule, "added": added}


def recorded(records: object, order_date: str | None) -> list[Change]:
    """The changes that a materialization tells of; what is no record is skipped.

    Args:
        records: Value of the metadata entry ``CHANGES``.
        order_date: Value of the entry ``ORDER_DATE``; None for conditions of all dates.
    """
    day = date.fromisoformat(order_date) if order_date else None
    if not isinstance(records, Sequence):
        return []
    return [
        Change(str(r["condition"]), str(r["date_rule"]), day, bool(r["added"]))
        for r in records
        if isinstance(r, Mapping) and {"condition", "date_rule", "added"} <= r.keys()
    ]
