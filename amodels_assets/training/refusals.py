"""What a user can put right: such an error is told as one sentence.

Belongs here: which exceptions those are. Does not belong here: how they are told.
"""

from __future__ import annotations


def refusals() -> tuple[type[Exception], ...]:
    """Exceptions of a training whose message is all that a user needs."""
    from amodels_assets.datasets.dataset import DatasetError
    from amodels_assets.datasets.text_vectors import TextEncoderError
    from amodels_assets.models.foreign import ModelError
    from amodels_assets.training.checkpoint import CheckpointError
    from amodels_assets.training.device import DeviceError
    from amodels_assets.training.memory import OutOfMemoryError
    from amodels_assets.training.work import TrainingError

    return (
        CheckpointError,
        DatasetError,
        DeviceError,
        ModelError,
        OutOfMemoryError,
        TextEncoderError,
        TrainingError,
    )
