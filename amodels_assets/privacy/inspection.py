"""Looks at a finished private checkpoint without loading torch's models.

Belongs here: whether it is what its statement says. Does not belong here: reporting that.
"""

from __future__ import annotations

import json
from pathlib import Path

from amodels_assets.privacy.accounting import epsilon
from amodels_assets.privacy.randomness import KEY_FILE
from amodels_assets.privacy.statement import PrivacyError, PrivacyStatement
from amodels_assets.training.checkpoint import METRICS_FILE, CheckpointError, verified_manifest

# Two computations of the same ε differ by no more than the numerical error of the accountant.
_TOLERANCE = 0.01


def find_problems(folder: Path) -> list[str]:
    """What is wrong with a private checkpoint, a sentence each; empty when nothing is."""
    try:
        manifest = verified_manifest(folder)
    except CheckpointError as error:
        return [str(error)]
    if not manifest.get("privacy"):
        return ["the manifest has no privacy statement"]
    try:
        statement = PrivacyStatement.from_json(manifest["privacy"])
        spent = epsilon([statement.mechanism], statement.delta, statement.accountant)
        rows = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    except PrivacyError as error:
        return [str(error)]
    except (OSError, ValueError):
        return [f"{METRICS_FILE} of {folder} is missing or damaged"]
    problems = []
    if not spent <= statement.epsilon * (1 + _TOLERANCE):
        problems.append(
            f"the steps come to an epsilon of {spent:.4f}, and {statement.epsilon:.4f} is stated"
        )
    if manifest["step"] > statement.steps:
        problems.append(f"{manifest['step']} steps were taken, and {statement.steps} are stated")
    if manifest["training"]["steps"] != statement.steps:
        problems.append("the statement is for another number of steps than the training's")
    if not statement.holds:
        problems.append(
            "the noise follows from the seed in the manifest and can be computed again: train "
            "with noise=secret"
        )
    if (folder / KEY_FILE).exists():
        problems.append(f"{KEY_FILE}, with which the noise can be computed again, is still there")
    if any("loss" in row for row in rows):
        problems.append(f"{METRICS_FILE} has the loss on the training data, which has no noise")
    return problems
