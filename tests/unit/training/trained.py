"""Small trainings in processes of their own, which can be stopped and killed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.network_config import NetworkConfig
from tests.forking import Forked

ROOT = Path(__file__).parents[3]
TINY = replace(
    TrainingConfig.for_steps(24),
    model=NetworkConfig(width=16, blocks=1, heads=2, hidden=16, dropout=0.1),
    sampler=SamplerConfig(max_cells=48, width=4, hops=2),
    batch_size=16,
    threads=1,
)
# The same as options of the command.
OPTIONS = [
    part
    for name, value in {
        "model.width": 16,
        "model.blocks": 1,
        "model.heads": 2,
        "model.hidden": 16,
        "model.dropout": 0.1,
        "sampler.max_cells": 48,
        "sampler.width": 4,
        "sampler.hops": 2,
        "batch_size": 16,
        "threads": 1,
    }.items()
    for part in ("--set", f"{name}={value}")
]


def silent(step: int, steps: int, metrics: object) -> None:
    """No progress."""


def content(folder: Path) -> dict[str, bytes]:
    """Files of a folder by name; without folders."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


def start(*arguments: str, **variables: str) -> Forked:
    """``amodels train …`` in the background."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AMODELS_")}
    return Forked(["train", *arguments], {**env, "AMODELS_DEVICE": "cpu", **variables})


def wait_until(process: Forked | subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait for something that a process does; fails when the process ends before."""
    while not condition():
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        assert condition(), process.communicate()


def end(process: Forked) -> str:
    """Wait until it ends well; what it printed."""
    printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return printed
