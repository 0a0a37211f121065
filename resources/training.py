"""How training is run, as a Dagster resource."""

import dagster as dg


class TrainingResource(dg.ConfigurableResource):
    """Settings of a training run that an installation may change.

    Attributes:
        steps: Optimizer steps at most; 0 for the training's own number.
        language_model: Name of the base model that is fine-tuned.
        models: Folder of the base models.
    """

    steps: int = 0
    language_model: str = "smollm2"
    models: str = "var/models"
