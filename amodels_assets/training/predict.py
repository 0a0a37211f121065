"""Scores of a checkpoint on one split: ``python -m amodels_assets.training.predict``.

Belongs here: inference as a process of its own, so that whoever wants scores need not import torch.
Does not belong here: judging the scores (``evaluation``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from amodels_assets.artifacts import write_table
from amodels_assets.datasets.dataset import ColumnStatistics, DatasetError, open_dataset
from amodels_assets.datasets.relational import SPLITS, parse_spec
from amodels_assets.training.checkpoint import CheckpointError, read_checkpoint
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.encode import build_cells, column_names
from amodels_assets.training.feed import Feed


def predict_split(checkpoint_folder: Path, dataset_folder: Path, split: str) -> pa.Table:
    """Predict every row of a split.

    Args:
        checkpoint_folder: A finished checkpoint.
        dataset_folder: A data set with the columns that the checkpoint was trained on.
        split: ``train``, ``validation`` or ``test``.

    Returns:
        The split's columns and ``score``, the probability of the label being 1.

    Raises:
        CheckpointError: The checkpoint is damaged or was trained on other columns.
        DatasetError: The data set cannot be read.
    """
    import torch

    from amodels_assets.training.model import RelationalTransformer, predict

    checkpoint = read_checkpoint(checkpoint_folder)
    dataset = open_dataset(dataset_folder)
    try:
        config = TrainingConfig.from_json(checkpoint.config["training"])
        trained_on = parse_spec(checkpoint.config["dataset"], "config.json")
        statistics = {
            name: ColumnStatistics(**value)
            for name, value in checkpoint.config["statistics"].items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint_folder}/config.json cannot be used") from error
    if column_names(trained_on) != column_names(dataset.spec):
        raise CheckpointError(
            f"{checkpoint_folder} was trained on other columns than {dataset_folder} has"
        )
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True)
    # Numbers are scaled as they were in training, also for a newer data set.
    store = build_cells(dataset, statistics)
    model = RelationalTransformer(config.model)
    model.load_state_dict({n: torch.from_numpy(t) for n, t in checkpoint.tensors.items()})
    model.bind(store.texts, store.names)
    logits = predict(model, Feed.of_split(dataset, store, split, config.sampler))
    score = 1.0 / (1.0 + np.exp(-logits))
    return dataset.tasks[split].append_column("score", pa.array(score))


def main(arguments: list[str]) -> int:
    """Write the scores of a split as ``scores.parquet``; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m amodels_assets.training.predict")
    parser.add_argument("checkpoint", type=Path, help="folder of a finished checkpoint")
    parser.add_argument("dataset", type=Path, help="folder of a data set")
    parser.add_argument("split", choices=SPLITS)
    parser.add_argument("out", type=Path, help="folder that gets scores.parquet")
    given = parser.parse_args(arguments)
    try:
        table = predict_split(given.checkpoint, given.dataset, given.split)
    except (CheckpointError, DatasetError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write_table(given.out, "scores", table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
