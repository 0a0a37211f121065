"""Scores of a checkpoint on a split, computed in a process of its own.

Belongs here: the public :func:`score_checkpoint`. Does not belong here: the model (``training``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT


class ScoringError(RuntimeError):
    """A checkpoint could not be scored; the message says why."""


def score_checkpoint(checkpoint_folder: Path, dataset_folder: Path, split: str) -> pa.Table:
    """Score a checkpoint on one split of a data set.

    Torch is loaded in a child process, whose memory is free again when this returns.

    Args:
        checkpoint_folder: Holds ``model.safetensors`` and ``config.json``.
        dataset_folder: Holds ``dataset.json``, ``db/`` and ``tasks/``.
        split: ``train``, ``validation`` or ``test``.

    Returns:
        One row per prediction: the entity, the cut-off, ``label`` and ``score``.

    Raises:
        ScoringError: The checkpoint or the data set cannot be used.
    """
    parts = [str(checkpoint_folder), str(dataset_folder), split]
    return _in_child("amodels_assets.training.predict", parts, "the checkpoint")


def score_trees(dataset_folder: Path, split: str, reach: str, seed: int) -> pa.Table:
    """Predictions of LightGBM for one split, made in a child process too.

    Its OpenMP library and the embedded graph's do not fit into every process together.

    Args:
        dataset_folder: Holds ``dataset.json``, ``db/`` and ``tasks/``.
        split: ``train``, ``validation`` or ``test``.
        reach: How much of the database the trees see: ``own``, ``parents`` or ``joins``.
        seed: LightGBM's seed.

    Returns:
        One row per prediction with ``score``.

    Raises:
        ScoringError: The baseline cannot be trained.
    """
    parts = [str(dataset_folder), split, reach, str(seed)]
    return _in_child("amodels_assets.evaluation.baselines", parts, "the baseline")


def _in_child(module: str, parts: list[str], what: str) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", module, *parts, folder],
            env={**os.environ, **PROCESS_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ScoringError(f"{what} could not be scored: {reason}")
        return pq.read_table(Path(folder) / "scores.parquet", memory_map=False)
