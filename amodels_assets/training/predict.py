"""Scores of a checkpoint on one split: ``python -m amodels_assets.training.predict``.

Belongs here: inference as a process of its own, so that whoever wants scores need not import torch.
Does not belong here: judging the scores (``evaluation``).
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

import pyarrow as pa

from amodels_assets.artifacts import write_table
from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.relational import SPLITS
from amodels_assets.datasets.text_vectors import TextEncoderError
from amodels_assets.training.checkpoint import CheckpointError
from amodels_assets.training.predictor import open_predictor


def predict_split(
    checkpoint_folder: Path,
    dataset_folder: Path,
    split: str,
    *,
    zero_shot: bool = False,
    device: str = "cpu",
    cache: Path | None = None,
) -> pa.Table:
    """Predict every row of a split; as :func:`judged_split`, without the figures."""
    table, _ = judged_split(
        checkpoint_folder, dataset_folder, split, zero_shot=zero_shot, device=device, cache=cache
    )
    return table


def judged_split(
    checkpoint_folder: Path,
    dataset_folder: Path,
    split: str,
    *,
    zero_shot: bool = False,
    device: str = "cpu",
    cache: Path | None = None,
) -> tuple[pa.Table, dict[str, float | int]]:
    """Predict every row of a split and say how good that is.

    A checkpoint predicts a task that it was not trained on just as well: what it knows of it then
    is the names of tables and columns and what the context shows, earlier outcomes among it.

    Args:
        checkpoint_folder: A checkpoint, finished or of a step.
        dataset_folder: A data set.
        split: ``train``, ``validation`` or ``test``.
        zero_shot: Let the data set have other columns than the checkpoint was trained on; numbers
            are then measured by the data set's own training window.
        device: As for ``device.choose_device``.
        cache: Folder for vectors of texts.

    Returns:
        The split's columns and ``score``: the probability of the label being 1, the probabilities
        of the categories in the order of the checkpoint's ``categories``, or the number. And the
        loss with AUROC, accuracy or R² and mean absolute error, by the kind of task.

    Raises:
        CheckpointError: The checkpoint is damaged or was trained on other columns.
        DatasetError: The data set cannot be read.
    """
    from amodels_assets.training.inference import judged, predictions

    opened = open_predictor(
        checkpoint_folder, dataset_folder, zero_shot=zero_shot, device=device, cache=cache
    )
    feed = opened.feed_of_split(split)
    said = opened.outputs(feed)
    score = predictions(said, feed)
    column = pa.array(score if score.ndim == 1 else score.tolist())
    table = opened.material.dataset.tasks[split].append_column("score", column)
    figures = judged(said, feed).figures if len(feed) else {}
    return table, {name.removeprefix("validation_"): value for name, value in figures.items()}


def main(arguments: list[str]) -> int:
    """Write the scores of a split as ``scores.parquet``; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m amodels_assets.training.predict")
    parser.add_argument("checkpoint", type=Path, help="folder of a checkpoint")
    parser.add_argument("dataset", type=Path, help="folder of a data set")
    parser.add_argument("split", choices=SPLITS)
    parser.add_argument("out", type=Path, help="folder that gets scores.parquet")
    parser.add_argument("--zero-shot", action="store_true", help="allow other columns")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        table = predict_split(
            given.checkpoint,
            given.dataset,
            given.split,
            zero_shot=given.zero_shot,
            device=os.environ.get("AMODELS_DEVICE") or "",
        )
    except (CheckpointError, DatasetError, TextEncoderError, ValueError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write_table(given.out, "scores", table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
