"""Baselines that a checkpoint is compared with.

Belongs here: predictions from simple models for the same test rows. Does not belong here: metrics,
and the flat tables that trees are trained on (``features.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.artifacts import write_table
from amodels_assets.datasets.dataset import RelationalDataset, open_dataset
from amodels_assets.evaluation.features import REACHES, Features, Reach, make_features

_ROUNDS = 400
_PATIENCE = 40
_OBJECTIVES = {
    "binary": {"objective": "binary", "metric": "binary_logloss"},
    "multiclass": {"objective": "multiclass", "metric": "multi_logloss"},
    "regression": {"objective": "regression_l1", "metric": "l1"},
}


def class_names(dataset: RelationalDataset) -> list[str]:
    """Classes of a multiclass task as training knows them, in alphabetical order."""
    return sorted(set(dataset.tasks["train"]["label"].to_pylist()))


def labels_of(dataset: RelationalDataset, split: str) -> np.ndarray:
    """Labels as numbers: 0 or 1, the number of the class (-1 for one not seen), or the value."""
    labels = dataset.tasks[split]["label"]
    if dataset.spec.task.kind == "multiclass":
        known = pa.array(class_names(dataset))
        return pc.fill_null(pc.index_in(labels, value_set=known), -1).to_numpy().astype(np.int64)
    whole = dataset.spec.task.kind == "binary"
    return labels.to_numpy().astype(np.int64 if whole else np.float64)


def constant_predictions(dataset: RelationalDataset, split: str) -> np.ndarray:
    """The same for everybody: shares of the classes in training, or the median.

    Returns:
        Probabilities (n,), those of each class (n, classes), or values (n,).
    """
    labels, rows = labels_of(dataset, "train"), dataset.tasks[split].num_rows
    if dataset.spec.task.kind == "multiclass":
        shares = np.bincount(labels) / len(labels)
        return np.tile(shares, (rows, 1))
    middle = labels.mean() if dataset.spec.task.kind == "binary" else np.median(labels)
    return np.full(rows, float(middle))


def tree_predictions(dataset: RelationalDataset, split: str, reach: Reach, seed: int) -> np.ndarray:
    """LightGBM on a flat table; the number of trees is chosen on the validation split.

    Args:
        dataset: Trains on its train split.
        split: What to predict.
        reach: How much of the database the flat table has.
        seed: LightGBM's seed.

    Returns:
        Probabilities (n,), those of each class (n, classes), or values (n,).
    """
    features = {name: make_features(dataset, name, reach) for name in ("train", "validation")}
    asked = make_features(dataset, split, reach)
    labels = {name: labels_of(dataset, name) for name in features}
    objective: dict[str, Any] = dict(_OBJECTIVES[dataset.spec.task.kind])
    if dataset.spec.task.kind == "multiclass":
        objective["num_class"] = len(class_names(dataset))
    return fit_trees(features, labels, asked, objective, seed)


def fit_trees(
    features: dict[str, Features],
    labels: dict[str, np.ndarray],
    asked: Features,
    objective: dict[str, Any],
    seed: int,
) -> np.ndarray:
    """Train LightGBM on ``train``, stop by ``validation``, predict what is asked.

    Args:
        features: Of ``train`` and ``validation``.
        labels: Of the same; rows with a negative class are left out.
        asked: Features of the rows to predict.
        objective: LightGBM's objective and metric.
        seed: LightGBM's seed.
    """
    import lightgbm

    def rows(name: str) -> tuple[np.ndarray, np.ndarray]:
        seen = labels[name] >= 0 if "num_class" in objective else slice(None)
        return features[name].values[seen], labels[name][seen]

    training = lightgbm.Dataset(
        *rows("train"), categorical_feature=asked.categorical, free_raw_data=False
    )
    booster = lightgbm.train(
        {
            **objective,
            "learning_rate": 0.03,
            "num_leaves": 15,
            "min_data_in_leaf": 40,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        },
        training,
        num_boost_round=_ROUNDS,
        valid_sets=[training.create_valid(*rows("validation"))],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )
    return np.asarray(booster.predict(asked.values, num_threads=1), dtype=np.float64)


def best_possible_scores(
    dataset: RelationalDataset, split: str, oracle: pa.Table
) -> np.ndarray | None:
    """The generator's own probabilities for a split; None where a row has none.

    Args:
        dataset: Names the rows.
        split: What to score.
        oracle: Entity, cut-off and ``probability``; empty for sources that are not synthetic.
    """
    task = dataset.spec.task
    keys = [task.entity_column, task.cutoff_column]
    wanted = dataset.tasks[split].select(keys)
    if task.cutoff_column not in oracle.column_names:
        return None
    moments = oracle[task.cutoff_column].cast(wanted[task.cutoff_column].type)
    position = oracle.column_names.index(task.cutoff_column)
    oracle = oracle.set_column(position, task.cutoff_column, moments)
    wanted = wanted.append_column("position", pa.array(np.arange(wanted.num_rows)))
    found = wanted.join(oracle, keys=keys, join_type="left outer").sort_by("position")
    if found["probability"].null_count or found.num_rows != wanted.num_rows:
        return None
    return found["probability"].to_numpy()


def as_column(predictions: np.ndarray) -> pa.Array:
    """Predictions as a column of a table: numbers, or a list of probabilities a row."""
    if predictions.ndim == 1:
        return pa.array(predictions)
    flat = pa.array(predictions.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, predictions.shape[1])


def from_column(column: pa.ChunkedArray) -> np.ndarray:
    """The other way; float64, (n,) or (n, classes)."""
    whole = column.combine_chunks()
    if pa.types.is_fixed_size_list(whole.type):
        return whole.flatten().to_numpy().reshape(len(whole), whole.type.list_size)
    return whole.to_numpy(zero_copy_only=False).astype(np.float64)


def main(arguments: list[str]) -> None:
    """Write the predictions of LightGBM: data set, split, reach, seed, folder."""
    dataset_folder, split, reach, seed, folder = arguments
    chosen: Reach = next(known for known in REACHES if known == reach)
    found = tree_predictions(open_dataset(Path(dataset_folder)), split, chosen, int(seed))
    write_table(Path(folder), "scores", pa.table({"score": as_column(found)}))


if __name__ == "__main__":
    main(sys.argv[1:])
