"""What the training window tells of the columns: statistics and categories.

Belongs here: which rows belong to the window, and what is computed from them. Does not belong here:
how a model uses it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import ColumnStatistics, cutoff_seconds, known_times
from amodels_assets.datasets.moments import ALWAYS_KNOWN, UNKNOWN_TIME, seconds, seconds_of
from amodels_assets.datasets.relational import RelationalSpec

MOST_CATEGORIES = 256
_QUANTILES = np.linspace(0.0, 1.0, 17)


def training_window(spec: RelationalSpec, tables: Mapping[str, pa.Table], name: str) -> np.ndarray:
    """Which rows of a table belong to the training window, bool (rows,).

    Those known before the validation split begins. Without that moment, those known at the latest
    cut-off of the training split. Of a task's table with a split column, only training rows.
    """
    task, source = spec.task, tables[spec.task.table]
    known = known_times(spec, tables, name)
    if task.split_column is None:
        return known < (seconds_of(task.starts[0]) if task.starts else UNKNOWN_TIME)
    trains = pc.fill_null(pc.equal(source[task.split_column], "train"), False).to_numpy()
    if task.starts:
        inside = known < seconds_of(task.starts[0])
    elif name == task.table:
        # A label becomes known after its cut-off, and training rows are what is learned from.
        inside = known != UNKNOWN_TIME
    else:
        cutoffs = cutoff_seconds(source[task.cutoff_column])
        known_cutoffs = cutoffs[trains & (cutoffs != UNKNOWN_TIME)]
        inside = known <= known_cutoffs.max(initial=ALWAYS_KNOWN)
    return inside & trains if name == task.table else inside


def column_statistics(
    spec: RelationalSpec, tables: Mapping[str, pa.Table]
) -> dict[str, ColumnStatistics]:
    """Statistics of numeric and datetime columns over the training window, by ``table.column``."""
    found = {}
    for table in spec.tables:
        inside = training_window(spec, tables, table.name)
        for column, kind in table.columns.items():
            values = tables[table.name][column]
            if kind == "numeric":
                numbers = values.to_numpy(zero_copy_only=False)[inside]
                found[f"{table.name}.{column}"] = describe(numbers[np.isfinite(numbers)])
            elif kind == "datetime":
                moments = seconds(values)[inside]
                known = moments[moments != UNKNOWN_TIME]
                found[f"{table.name}.{column}"] = describe(known.astype(np.float64))
    return found


def column_categories(
    spec: RelationalSpec, tables: Mapping[str, pa.Table]
) -> dict[str, tuple[str, ...]]:
    """Categories of the training window by ``table.column``.

    The most frequent ones come first, equally frequent ones by text; at most ``MOST_CATEGORIES``.
    """
    found = {}
    for table in spec.tables:
        names = [name for name, kind in table.columns.items() if kind == "categorical"]
        if not names:
            continue
        inside = pa.array(training_window(spec, tables, table.name))
        for name in names:
            values = tables[table.name][name].filter(inside).drop_null()
            counts = pc.value_counts(values)
            pairs = pa.table({"text": counts.field("values"), "count": counts.field("counts")})
            order = pc.sort_indices(
                pairs, sort_keys=[("count", "descending"), ("text", "ascending")]
            )
            texts = pairs["text"].take(order[:MOST_CATEGORIES]).to_pylist()
            found[f"{table.name}.{name}"] = tuple(texts)
    return found


def describe(values: np.ndarray) -> ColumnStatistics:
    """Statistics of finite numbers; mean 0 and deviation 1 where there are none."""
    if not len(values):
        return ColumnStatistics(0, 0.0, 1.0, (0.0,) * len(_QUANTILES))
    # Scaled by a power of two, which rounds nothing: squares and sums of huge numbers stay finite.
    scale = 2.0 ** min(int(np.frexp(np.abs(values).max())[1]), 1023)
    small = values / scale
    mean, deviation = float(small.mean()) * scale, float(small.std()) * scale
    if not np.isfinite(deviation) or deviation <= 1e-12 * max(1.0, abs(mean)):
        deviation = 1.0
    quantiles = tuple(float(q) * scale for q in np.quantile(small, _QUANTILES))
    return ColumnStatistics(len(values), mean, deviation, quantiles)
