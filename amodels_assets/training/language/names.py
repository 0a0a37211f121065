"""Names that assets and checks share, and what a checkpoint is called. Nothing else."""

from collections.abc import Mapping
from typing import Any

QUESTIONS = "datasets/catalog_questions"
LANGUAGE_MODEL = "training/language_model"
# On assets that `amodels run` leaves out: their base model has to be brought first.
EXTRA = {"amodels/extra": "language"}


def checkpoint_name(manifest: Mapping[str, Any]) -> str:
    """What a checkpoint is called: its base model, how it was tuned, and whether privately.

    Args:
        manifest: Of the checkpoint.

    Raises:
        KeyError, TypeError: It is none of a language model.
    """
    name = f"{manifest['base']['name']}-{manifest['mode']}"
    return f"{name}-private" if manifest.get("privacy") else name
