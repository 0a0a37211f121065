"""Looks at a finished language model without loading torch."""

from __future__ import annotations

import json
from pathlib import Path

from amodels_assets.training.checkpoint import METRICS_FILE, CheckpointError, verified_manifest
from amodels_assets.training.inspection import losses_went_down


def find_problems(folder: Path) -> list[str]:
    """What is wrong with a finished language model, a sentence each; empty when nothing is."""
    import numpy as np
    from safetensors import safe_open

    try:
        manifest = verified_manifest(folder)
        rows = [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]
    except CheckpointError as error:
        return [str(error)]
    except (OSError, ValueError):
        return [f"{METRICS_FILE} of {folder} is missing or damaged"]
    problems = []
    for name in manifest["sha256"]:
        if not name.endswith(".safetensors"):
            continue
        with safe_open(folder / name, framework="np") as file:
            problems += [
                f"{tensor} holds numbers that are not finite"
                for tensor in file.keys()  # noqa: SIM118 (no mapping)
                if not np.isfinite(file.get_tensor(tensor)).all()
            ]
    return problems + losses_went_down(rows)
