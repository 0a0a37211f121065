"""Pictures of a training run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping

from amodels_assets.markdown import embedded_picture


def loss_curve(lines: Iterable[str]) -> str:
    """Training and validation loss over steps, as Markdown with an embedded PNG.

    Args:
        lines: Of ``metrics.jsonl``.
    """
    return _picture(lines, {"loss": "training", "validation_loss": "validation"}, "loss")


def learning_rate_curve(lines: Iterable[str]) -> str:
    """The learning rate over steps, as Markdown with an embedded PNG.

    Args:
        lines: Of ``metrics.jsonl``.
    """
    return _picture(lines, {"learning_rate": ""}, "learning rate")


def _picture(lines: Iterable[str], names: Mapping[str, str], what: str) -> str:
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in lines]
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    for name, label in names.items():
        points = [(row["step"], row[name]) for row in rows if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=label)
    axes.set_xlabel("step")
    axes.set_ylabel(what)
    if any(names.values()):
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return embedded_picture(buffer.getvalue(), what)
