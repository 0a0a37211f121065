"""Six hand-made rates of past delays: what an engineer adds so that trees see the day's course.

Each is the share of late flights among those whose outcome was known at the scheduled departure
(the rule of the data set) and became known within a window before it. NaN where there is none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import RelationalDataset, seconds

_HOUR = 3_600
# Name, columns of the flight that make a group, window in hours.
RATES = (
    ("late at the origin, 3 h", ("origin",), 3),
    ("late of the carrier at the origin, 6 h", ("origin", "carrier"), 6),
    ("late to the destination, 24 h", ("dest",), 24),
    ("late of the plane, 48 h", ("tailnum",), 48),
    ("late of the flight number, 60 d", ("carrier", "flight"), 60 * 24),
    ("late at this hour from the origin, 30 d", ("origin", "hour"), 30 * 24),
)


def late_rates(dataset: RelationalDataset, split: str) -> tuple[list[str], np.ndarray]:
    """Names and values of the six rates, (predictions, 6)."""
    flights, outcomes = dataset.tables["flights"], dataset.tables["outcomes"]
    labelled = outcomes.filter(pc.is_valid(outcomes["late"]))
    theirs = _rows(flights, labelled["flight_id"])
    task = dataset.tasks[split]
    ours = _rows(flights, task["flight_id"])
    known, late = seconds(labelled["known_at"]), labelled["late"].cast(pa.int64()).to_numpy()
    cutoffs = seconds(task["scheduled_departure"])
    columns = []
    for _, names, hours in RATES:
        groups = _groups(flights, names)
        columns.append(_rate(groups[theirs], known, late, groups[ours], cutoffs, hours * _HOUR))
    return [name for name, *_ in RATES], np.column_stack(columns)


def _rows(flights: pa.Table, keys: pa.ChunkedArray) -> np.ndarray:
    return pc.index_in(keys, value_set=flights["flight_id"]).to_numpy()


def _groups(flights: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """A number for each flight, equal where all the columns are."""
    number = np.zeros(flights.num_rows, dtype=np.int64)
    for name in names:
        codes = flights[name].combine_chunks().dictionary_encode()
        codes = pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy().astype(np.int64)
        number = np.unique(number * (codes.max() + 1) + codes, return_inverse=True)[1]
    return number


def _rate(
    groups: np.ndarray,
    known: np.ndarray,
    late: np.ndarray,
    asked: np.ndarray,
    cutoffs: np.ndarray,
    window: int,
) -> np.ndarray:
    moments, ranks = np.unique(known, return_inverse=True)
    stride = len(moments) + 1
    keys = groups * stride + ranks
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    total = np.concatenate([[0], np.cumsum(late[order])])

    def until(moment: np.ndarray) -> np.ndarray:
        rank = np.searchsorted(moments, moment, side="right")
        return np.searchsorted(keys, asked * stride + rank)

    first, end = until(cutoffs - window), until(cutoffs)
    n = end - first
    return np.where(n > 0, (total[end] - total[first]) / np.maximum(n, 1), np.nan)
