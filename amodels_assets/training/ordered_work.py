"""A work of the loop that has nothing to remember.

Belongs here: what such works have in common. Does not belong here: what is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amodels_assets.training.work import Order


class OrderedWork:
    """A work whose order follows from the step alone, and that ends when it is finished."""

    libraries: tuple[str, ...] = ()
    goes_on = False

    def taken(self, order: Order) -> None:
        """Nothing to remember."""

    def state(self) -> dict[str, Any]:
        """The order of the rows follows from the step."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""

    def saved(self) -> None:
        """Nobody waits for it."""
