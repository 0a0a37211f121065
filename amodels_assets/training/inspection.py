"""Looks at a finished checkpoint without loading torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from amodels_assets.training.checkpoint import METRICS_FILE, CheckpointError, read_checkpoint


def find_problems(folder: Path) -> list[str]:
    """What is wrong with a finished checkpoint, a sentence each; empty when nothing is."""
    try:
        checkpoint = read_checkpoint(folder)
        rows = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    except CheckpointError as error:
        return [str(error)]
    except (OSError, ValueError):
        return [f"{METRICS_FILE} of {folder} is missing or damaged"]
    problems = [
        f"{name} holds numbers that are not finite"
        for name, tensor in checkpoint.tensors.items()
        if not np.isfinite(tensor).all()
    ]
    return problems + losses_went_down(rows)


def losses_went_down(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence where the training loss never fell.

    Args:
        rows: Of ``metrics.jsonl``.
    """
    losses = [row["loss"] for row in rows if "loss" in row]
    if len(losses) < 2 or not min(losses[1:]) < losses[0]:
        return ["the training loss never went below where it began"]
    return []
