"""How training is run, as a Dagster resource."""

import dagster as dg


class TrainingResource(dg.ConfigurableResource):
    """Settings of a training run that an installation may change.

    Attributes:
        steps: Optimizer steps at most; 0 for the training's own number.
    """

    steps: int = 0
