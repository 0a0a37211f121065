"""The features of values. Imports numba: import this module on use only.

Belongs here: what a number, a truth value or a moment looks like to the network. Does not belong
here: where values are kept (``cells.py``).

Of ``VALUE_WIDTH`` features, those of a number are: standardised and clipped, its signed logarithm,
its rank in the training window, and how near it is to each of 17 quantiles (a piecewise linear
encoding; Gorishniy et al., arXiv 2203.05556). Those of a moment: standardised; the logarithm of its
distance from the cut-off in hours, the distance in years, whether it is later; time of day, weekday
and season as sine and cosine; how near the distance is to each of 13 points from one hour to ten
years. Those of a truth value: 0 or 1, and -1 or 1.

Every cell also has its row's age: how near the time since the row became known is to 25 such
points, whether it was always known, whether it is the target's row. What happened lately can so be
told from what happened long ago in one step of attention, whichever cell it stands in.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from amodels_assets.datasets.moments import ALWAYS_KNOWN
from amodels_assets.training.batch import (
    AGE_WIDTH,
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    MISSING,
    NUMERIC,
    TEXT,
    VALUE_WIDTH,
)

_QUANTILES = 17
_HATS = 13
# From one hour to about ten years in steps of the logarithm.
_STEP = math.log(87_600.0) / (_HATS - 1)
# Twice as near to one another: a month and a quarter must not look alike.
_AGE_HATS = 25
_AGE_STEP = math.log(87_600.0) / (_AGE_HATS - 1)
# In seconds; a week is counted from a Thursday, as the first of January 1970 was.
_DAY, _WEEK, _YEAR = 86_400, 604_800, 31_557_600
_OF_DAY, _OF_WEEK, _OF_YEAR = (2.0 * math.pi / period for period in (_DAY, _WEEK, _YEAR))
_FIRST_QUANTILE, _FIRST_HAT = 3, 10
_ALWAYS, _TARGET_ROW = _AGE_HATS, _AGE_HATS + 1
# A compiled kernel is kept until this file changes, whatever becomes of another file's numbers.
if (VALUE_WIDTH, AGE_WIDTH) != (_FIRST_HAT + _HATS + 1, _AGE_HATS + 2):
    raise ImportError("batch.py and value_kernels.py disagree about the widths of features")


@njit(inline="always")
def _number(out, at, value, mean, deviation, quantiles):
    z = (value - mean) / deviation
    out[at, 0] = min(5.0, max(-5.0, z))
    out[at, 1] = math.copysign(math.log1p(abs(z)), z)
    place = 0.0
    if value >= quantiles[_QUANTILES - 1]:
        place = _QUANTILES - 1.0
    elif value > quantiles[0]:
        low, high = 0, _QUANTILES - 1
        while high - low > 1:
            middle = (low + high) >> 1
            if quantiles[middle] <= value:
                low = middle
            else:
                high = middle
        gap = quantiles[low + 1] - quantiles[low]
        place = low + ((value - quantiles[low]) / gap if gap > 0 else 0.0)
    out[at, 2] = place / 8.0 - 1.0
    left = min(int(place), _QUANTILES - 2)
    out[at, _FIRST_QUANTILE + left] = 1.0 - (place - left)
    out[at, _FIRST_QUANTILE + left + 1] = place - left


@njit(inline="always")
def _hats(out, at, first, hats, place):
    place = min(hats - 1.0, place)
    left = min(int(place), hats - 2)
    out[at, first + left] = 1.0 - (place - left)
    out[at, first + left + 1] = place - left


@njit(inline="always")
def _moment(out, at, second, cutoff, mean, deviation):
    out[at, 0] = min(5.0, max(-5.0, (second - mean) / deviation))
    distance = float(cutoff) - float(second)
    hours = abs(distance) / 3_600.0
    logarithm = math.log1p(hours)
    out[at, 1] = math.copysign(logarithm, distance) / 4.0
    out[at, 2] = min(10.0, max(-10.0, distance / _YEAR)) / 2.0
    out[at, 3] = 1.0 if distance < 0 else 0.0
    # Written out, and with whole numbers: this is most of the work of a cell.
    angle = (second % _DAY) * _OF_DAY
    out[at, 4], out[at, 5] = math.sin(angle), math.cos(angle)
    angle = (second % _WEEK) * _OF_WEEK
    out[at, 6], out[at, 7] = math.sin(angle), math.cos(angle)
    angle = (second % _YEAR) * _OF_YEAR
    out[at, 8], out[at, 9] = math.sin(angle), math.cos(angle)
    _hats(out, at, _FIRST_HAT, _HATS, logarithm / _STEP)


@njit(nogil=True, cache=True, error_model="numpy")
def lay_out(
    starts, rows, cutoffs, times, offsets, table_of, cells, first_cell, first_column,
    kinds, values, moments, scales, quantiles, target_column, cutoff_column, target_kind,
    target_cells,
):  # fmt: skip
    """Tokens of contexts.

    Args:
        starts: First slot of each context.
        rows: Row of each slot, -1 for the target's.
        cutoffs: Of each context.
        times: When each row became known.
        offsets: First row of each table.
        table_of: Table of each row.
        cells: Cells of a row of each table.
        first_cell: First cell of each table.
        first_column: First column of each table.
        kinds: Kind of each cell.
        values: Number of each cell.
        moments: The same as whole numbers.
        scales: Mean and deviation of each column.
        quantiles: Of each column.
        target_column: Column that is predicted.
        cutoff_column: Column of the cut-off.
        target_kind: Kind of what is predicted.
        target_cells: Cells of the target's row.

    Returns:
        First token of each slot (and one more), and of each token context, row, column, kind,
        features, text and cell (-1 for those of the target's row), of each slot the features of its
        age, and the slot of each token.
    """
    slots = len(rows)
    first = np.empty(slots + 1, np.int64)
    first[0] = 0
    for slot in range(slots):
        row = rows[slot]
        first[slot + 1] = first[slot] + (target_cells if row < 0 else cells[table_of[row]])
    tokens = first[slots]
    context_of = np.empty(tokens, np.int32)
    row_of = np.empty(tokens, np.int64)
    column_of = np.empty(tokens, np.int32)
    kind_of = np.empty(tokens, np.int8)
    features = np.zeros((tokens, VALUE_WIDTH), np.float32)
    strings = np.zeros(tokens, np.int32)
    cell_of = np.full(tokens, np.int64(-1))
    ages = np.zeros((slots, AGE_WIDTH), np.float32)
    slot_of = np.empty(tokens, np.int32)
    for context in range(len(starts) - 1):
        cutoff = cutoffs[context]
        for slot in range(starts[context], starts[context + 1]):
            row, token = rows[slot], first[slot]
            slot_of[token : first[slot + 1]] = slot
            if row < 0:
                ages[slot, _TARGET_ROW] = 1.0
                context_of[token : token + 2] = context
                row_of[token : token + 2] = -1
                column_of[token], column_of[token + 1] = target_column, cutoff_column
                kind_of[token], kind_of[token + 1] = target_kind, DATETIME
                mean, deviation = scales[cutoff_column, 0], scales[cutoff_column, 1]
                _moment(features, token + 1, cutoff, cutoff, mean, deviation)
                continue
            if times[row] == ALWAYS_KNOWN:
                ages[slot, _ALWAYS] = 1.0
            else:
                logarithm = math.log1p((cutoff - times[row]) / 3_600.0)
                _hats(ages, slot, 0, _AGE_HATS, logarithm / _AGE_STEP)
            table = table_of[row]
            cell = first_cell[table] + (row - offsets[table]) * cells[table]
            for position in range(cells[table]):
                column = first_column[table] + position
                kind = kinds[cell]
                context_of[token], row_of[token] = context, row
                column_of[token], kind_of[token], cell_of[token] = column, kind, cell
                if kind == NUMERIC:
                    mean, deviation = scales[column, 0], scales[column, 1]
                    _number(features, token, values[cell], mean, deviation, quantiles[column])
                elif kind == BOOLEAN:
                    features[token, 0] = values[cell]
                    features[token, 1] = 2.0 * values[cell] - 1.0
                elif kind == DATETIME:
                    mean, deviation = scales[column, 0], scales[column, 1]
                    _moment(features, token, moments[cell], cutoff, mean, deviation)
                elif kind == CATEGORICAL or kind == TEXT:
                    strings[token] = moments[cell]
                elif kind != MISSING:
                    raise ValueError("a cell has an unknown kind")
                token += 1
                cell += 1
    return (
        first, context_of, row_of, column_of, kind_of, features, strings, cell_of, ages, slot_of
    )  # fmt: skip
