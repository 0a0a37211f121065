"""Predictions of rows that a client names, by a released checkpoint.

Belongs here: finding the rows, refusing what cannot be known, and the answer. Does not belong here:
which checkpoint is released (``released.py``) and HTTP (``predict_server.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from amodels_assets.datasets.dataset import ALWAYS_KNOWN, UNKNOWN_TIME, RelationalDataset
from amodels_assets.datasets.moments import as_text, seconds_of
from amodels_assets.serving.row_keys import MOST_NAMED, RequestError, RowForm, RowKeys
from amodels_assets.training.row_graph import NO_ROW, RowGraph, key_positions

if TYPE_CHECKING:
    from amodels_assets.training.predictor import Predictor


def predict_rows(predictor: Predictor, form: RowForm, rows: RowKeys) -> list[dict[str, Any]]:
    """A prediction for each row, in order: the row with what is predicted.

    Args:
        predictor: Opened.
        form: What a row looks like.
        rows: Of a request.

    Returns:
        Rows with ``probability`` of the label being true, with ``probabilities`` by category, or
        with ``value``, by the kind of task.

    Raises:
        RequestError: An entity is not there, or nobody knew of it at its cut-off.
    """
    from amodels_assets.training.inference import predictions

    dataset, graph = predictor.material.dataset, predictor.material.graph
    entities, cutoffs = located(dataset, graph, form, rows)
    feed = predictor.feed_of_rows(entities, cutoffs)
    found = predictions(predictor.outputs(feed), feed)
    return [
        {**said, **_answer(dataset, value)} for said, value in zip(rows.said, found, strict=True)
    ]


def located(
    dataset: RelationalDataset, graph: RowGraph, form: RowForm, rows: RowKeys
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the graph and cut-offs in seconds, int64 (n,) each.

    Raises:
        RequestError: 404 an entity is not there, 422 nobody knew of it at its cut-off.
    """
    table = dataset.spec.entity_table
    keys = dataset.tables[table.name][table.primary_key]
    try:
        asked = pa.chunked_array([pa.array(rows.entities, keys.type)])
        found = key_positions(keys, asked)
    except (pa.ArrowInvalid, OverflowError):
        # Beyond the type of the keys, so it can be none of them.
        found = np.array([_position(keys, entity) for entity in rows.entities], dtype=np.int64)
    places = np.flatnonzero(found == NO_ROW)
    if len(places):

        def said(place: int) -> str:
            return repr(rows.entities[place])

        raise RequestError(
            404,
            "unknown_key",
            f"{table.name} has no row with {form.entity_column} {_named(places, said)}",
            _where(places, form.entity_column),
        )
    entities = found + graph.offsets[graph.names.index(table.name)]
    cutoffs = np.array([seconds_of(moment) for moment in rows.cutoffs], dtype=np.int64)
    places = np.flatnonzero(graph.times[entities] > cutoffs)
    if len(places):

        def since(place: int) -> str:
            known = graph.times[entities[place]]
            when = "nobody says from when" if known == UNKNOWN_TIME else f"from {as_text(known)}"
            return f"{rows.entities[place]!r} at {as_text(cutoffs[place])}, known {when}"

        raise RequestError(
            422,
            "not_known_at_cutoff",
            f"nobody knew of these rows of {table.name} at their cut-off: {_named(places, since)}; "
            "ask as of a later moment",
            _where(places, form.cutoff_column),
        )
    return entities, cutoffs


def facts_until(graph: RowGraph) -> str:
    """The moment from which the newest fact is known; empty where the facts have no times."""
    dated = graph.times[(graph.times != UNKNOWN_TIME) & (graph.times != ALWAYS_KNOWN)]
    return as_text(int(dated.max())) if len(dated) else ""


def _position(keys: pa.ChunkedArray, entity: str | int) -> int:
    try:
        asked = pa.chunked_array([pa.array([entity], keys.type)])
    except (pa.ArrowInvalid, OverflowError):
        return NO_ROW
    return int(key_positions(keys, asked)[0])


def _named(places: np.ndarray, say: Callable[[int], str]) -> str:
    names = [say(int(place)) for place in places[:MOST_NAMED]]
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    return ", ".join(names) + more


def _where(places: np.ndarray, column: str) -> Sequence[str]:
    return [f"rows[{place}].{column}" for place in places[:MOST_NAMED]]


def _answer(dataset: RelationalDataset, value: np.ndarray) -> dict[str, Any]:
    task = dataset.spec.task
    if task.kind == "binary":
        return {"probability": float(value)}
    if task.kind == "regression":
        return {"value": float(value)}
    categories = dataset.categories[f"{task.table}.{task.target_column}"]
    return {"probabilities": dict(zip(categories, value.tolist(), strict=True))}
