"""What a search finds. Nothing else."""

from typing import NamedTuple


class Hit(NamedTuple):
    """A document that was found; the higher the score, the better, within one answer."""

    kind: str
    name: str
    comment: str
    score: float
