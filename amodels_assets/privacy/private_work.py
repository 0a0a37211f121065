"""Any work of the training loop, with differential privacy.

Belongs here: who takes part in a step, and the statement. Does not belong here: clipping and noise
(``gradients.py``), and what is trained. Imports torch through the gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from amodels_assets.privacy.gradients import PrivateGradients
from amodels_assets.privacy.plan import plan
from amodels_assets.privacy.randomness import Randomness
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import PrivacyError, PrivacyStatement
from amodels_assets.training.work import Order


class PrivateWork:
    """A work whose steps keep a guarantee; everything else is the other work's.

    Each unit takes part in each step with the same probability, whoever else does ("Poisson
    sampling"): steps differ in size, and one may be empty but for its noise. The work's ``batch``
    gets orders whose rows are numbers of units.

    Attributes:
        statement: What is promised.
        gradients: What the loop asks for its gradients.
    """

    def __init__(
        self,
        work: Any,
        settings: PrivacySettings,
        randomness: Randomness,
        *,
        units: int,
        source: str,
        contributions: int = 1,
        by_example: bool = False,
    ) -> None:
        """Find the noise, and watch the model.

        Args:
            work: A :class:`training.work.Work`; its ``batch_size`` is that of a step on average.
            settings: What is wanted.
            randomness: Of draws and noise.
            units: How many there are.
            source: Artifact that they are from; the work's manifest has its version.
            contributions: Sequences of a unit at most.
            by_example: Whether each example of a batch is a unit, for opacus to tell apart;
                otherwise a batch is one unit, and ``micro_batch`` has to be 1.

        Raises:
            PrivacyError: The guarantee cannot be kept, or the model cannot be trained so.
        """
        self._work = work
        self.libraries = (*work.libraries, "opacus")
        config = work.config
        if not by_example and config.micro_batch != 1:
            raise PrivacyError(
                f"micro_batch is {config.micro_batch}: give 1, as units are passed back one by one"
            )
        chosen = plan(
            settings.epsilon,
            units,
            steps=config.steps,
            batch_size=config.batch_size,
            delta=settings.delta or None,
            accountant=settings.accountant,
        )
        self._randomness, self._units = randomness, units
        self._rate = chosen.mechanism.sample_rate
        self.statement = PrivacyStatement(
            unit=settings.unit,
            units=units,
            contributions=contributions,
            epsilon=chosen.epsilon,
            delta=chosen.delta,
            accountant=settings.accountant,
            clip=settings.clip,
            noise_multiplier=chosen.noise_multiplier,
            sample_rate=self._rate,
            steps=config.steps,
            noise=randomness.kind,
            source=source,
            data_version=work.manifest()["data_versions"][source],
        )
        self.gradients = PrivateGradients(
            work.model,
            clip=settings.clip,
            noise_multiplier=chosen.noise_multiplier,
            expected=config.batch_size,
            randomness=randomness,
            by_example=by_example,
        )

    def __getattr__(self, name: str) -> Any:
        """What is not about privacy."""
        return getattr(self._work, name)

    def orders(self, first: int) -> Iterator[Order]:
        """Units of each step, drawn anew."""
        step = first
        while True:
            drawn = self._randomness.uniform("draw", step, self._units) < self._rate
            yield Order(step, np.flatnonzero(drawn))
            step += 1

    def manifest(self) -> dict[str, Any]:
        """That of the other work, with the statement."""
        return {**self._work.manifest(), "privacy": self.statement.to_json()}
