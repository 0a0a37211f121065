"""What the assets of trainings share: one process, one artifact, the figures.

Belongs here: publishing what a training's process makes. Does not belong here: the assets
(``assets.py``, ``language/assets.py``). Only assets import it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactStore

# A crash, of a driver say: the next attempt goes on from the last step. Refusals are not repeated.
AFTER_A_CRASH = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def publish_training(
    store: ArtifactStore,
    name: str,
    *,
    run: Callable[[list[str], Mapping[str, Any], Mapping[str, str]], Iterable[Any]],
    module: str,
    extras: Mapping[str, Any],
    inputs: Mapping[str, str],
    config: Mapping[str, Any],
    code_version: str,
    libraries: Iterable[str],
) -> tuple[Artifact, dict[str, Any]]:
    """Train in a process of its own, or go on where a killed one was, and publish the checkpoint.

    Args:
        store: Gets it.
        name: Of the artifact.
        run: Runs a command with extras and environment; what the process reported.
        module: That trains.
        extras: What it is told beside folder and settings.
        inputs: Data version of everything that is read.
        config: The settings.
        code_version: Of the asset.
        libraries: That decide what comes out.

    Returns:
        The artifact, and what the process reported; nothing where the artifact was there already.

    Raises:
        dg.Failure: The training refused, or was stopped before its end.
    """
    from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT

    figures: dict[str, Any] = {}

    def produce(folder: Path) -> None:
        told = {**extras, "folder": str(folder), "config": dict(config)}
        for message in run([sys.executable, "-m", module], told, PROCESS_ENVIRONMENT):
            figures.update(message)
        if "error" in figures:
            raise dg.Failure(description=figures["error"], allow_retries=False)
        if not figures.pop("finished"):
            # It saved where it was: the next attempt goes on from there.
            raise dg.Failure(description=f"stopped at step {figures['steps']}")

    made = store.publish(
        name,
        inputs=inputs,
        config=config,
        code_version=code_version,
        libraries=libraries,
        produce=produce,
        resumable=True,
    )
    return made, figures


def by_pipes(
    client: dg.PipesSubprocessClient, context: dg.AssetExecutionContext
) -> Callable[[list[str], Mapping[str, Any], Mapping[str, str]], Iterable[Any]]:
    """How :func:`publish_training` runs a command inside a Dagster step."""

    def run(command: list[str], extras: Mapping[str, Any], env: Mapping[str, str]) -> Iterable[Any]:
        done = client.run(command=command, context=context, extras=dict(extras), env=dict(env))
        return done.get_custom_messages()

    return run


def result_of(made: Artifact, figures: Mapping[str, Any]) -> dg.MaterializeResult:
    """Figures and curves of a training."""
    from amodels_assets.training.curves import learning_rate_curve, loss_curve

    metrics = (made.path / "metrics.jsonl").read_text().splitlines()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            **figures,
            "loss": dg.MetadataValue.md(loss_curve(metrics)),
            "learning_rate": dg.MetadataValue.md(learning_rate_curve(metrics)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
