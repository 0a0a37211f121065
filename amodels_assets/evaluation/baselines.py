"""Baselines that a checkpoint is compared with.

Belongs here: scores from simple models for the same test rows. Does not belong here: metrics.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.artifacts import write_table
from amodels_assets.datasets.dataset import RelationalDataset, open_dataset, seconds

_ROUNDS = 400
_PATIENCE = 40


def majority_scores(dataset: RelationalDataset, split: str) -> np.ndarray:
    """The same score for everybody: the share of positives in training; shape (n,)."""
    share = float(pc.mean(dataset.tasks["train"]["label"]).as_py())
    return np.full(dataset.tasks[split].num_rows, share)


def own_column_scores(dataset: RelationalDataset, split: str, seed: int) -> np.ndarray:
    """LightGBM on the entity's own columns and the cut-off's month, without any joins.

    The number of trees is chosen on the validation split.

    Args:
        dataset: Trains on its train split.
        split: What to score.
        seed: LightGBM's seed.

    Returns:
        Probabilities, shape (n,).
    """
    import lightgbm

    features = {name: _features(dataset, name) for name in ("train", "validation", split)}
    labels = {name: dataset.tasks[name]["label"].to_numpy() for name in ("train", "validation")}
    table = dataset.spec.entity_table
    categorical = [
        number
        for number, kind in enumerate(table.columns.values())
        if kind in ("categorical", "text")
    ]
    training = lightgbm.Dataset(
        features["train"], labels["train"], categorical_feature=categorical, free_raw_data=False
    )
    booster = lightgbm.train(
        {
            "objective": "binary",
            "metric": "binary_logloss",
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
        valid_sets=[training.create_valid(features["validation"], labels["validation"])],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )
    return np.asarray(booster.predict(features[split], num_threads=1), dtype=np.float64)


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
    wanted = wanted.append_column("position", pa.array(np.arange(wanted.num_rows)))
    found = wanted.join(oracle, keys=keys, join_type="left outer").sort_by("position")
    if found["probability"].null_count or found.num_rows != wanted.num_rows:
        return None
    return found["probability"].to_numpy()


def _features(dataset: RelationalDataset, split: str) -> np.ndarray:
    task, table = dataset.spec.task, dataset.spec.entity_table
    rows, wanted = dataset.tables[table.name], dataset.tasks[split]
    at = pc.index_in(wanted[task.entity_column], value_set=rows[table.primary_key])
    cutoffs = seconds(wanted[task.cutoff_column])
    columns = []
    for name, kind in table.columns.items():
        column = rows[name]
        if kind in ("categorical", "text"):
            # Codes in the order of the texts, so that they don't depend on the order of rows.
            known = pc.unique(column.drop_null()).sort()
            values = pc.fill_null(pc.index_in(column, value_set=known), -1).to_numpy()
        elif kind == "datetime":
            values = None
        else:
            values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if values is None:
            moments = seconds(column)[at.to_numpy()]
            columns.append((cutoffs - moments) / 86_400.0)
        else:
            columns.append(values.astype(np.float64)[at.to_numpy()])
    months = pc.month(wanted[task.cutoff_column]).to_numpy().astype(np.float64)
    return np.column_stack([*columns, months])


def main(arguments: list[str]) -> None:
    """Write the scores of the own-columns baseline: data set, split, seed, folder."""
    dataset_folder, split, seed, folder = arguments
    scores = own_column_scores(open_dataset(Path(dataset_folder)), split, int(seed))
    write_table(Path(folder), "scores", pa.table({"score": scores}))


if __name__ == "__main__":
    main(sys.argv[1:])
