"""Whether a release that was switched to answers what people ask.

Belongs here: judging how its requests ended, beside those of the release before. Does not belong
here: counting them (``outcomes.py``) and what follows (``supervisor.py``).

The canary asks a few fixed prompts. What people ask is longer, other and at the same time; a
release that fails at it shows in the first minutes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.releases.canary import Check
from serving.releases.outcomes import OutcomeCounter, Outcomes
from serving.releases.settings import ReleaseSettings
from serving.releases.state import State, Watched

LOG = logging.getLogger("amodels.releases")
# With enough requests any difference is no chance; one as small as this is no reason to go back.
_LEAST_DIFFERENCE = 0.01
# Of a share that is too large anyway: going back helps where it was smaller before.
_WORSE_LEVEL = 0.01


@dataclass(frozen=True)
class Finding:
    """How a release does.

    Attributes:
        check: Whether it may stay.
        figures: By name.
    """

    check: Check
    figures: dict[str, float]


def judge_requests(
    new: Outcomes, old: Outcomes, settings: ReleaseSettings
) -> tuple[Check, dict[str, float]]:
    """Judge how requests to a release ended.

    It is to be taken back where it failed the stated share of them, or significantly more than the
    release before. Neither holds where that one failed about as many: going back would help nobody.

    Args:
        new: Of the release.
        old: Of the one before, in the time before.
        settings: What is allowed.
    """
    enough = new.asked >= settings.watch_least
    known = old.asked >= settings.watch_least
    comparable = enough and known and new.share - old.share >= _LEAST_DIFFERENCE
    chance = chance_of(new, old) if comparable else 1.0
    worse = not known or chance < _WORSE_LEVEL
    too_many = enough and worse and new.share >= settings.watch_share
    before = (
        f"{old.failed} of {old.asked} with the release before ({old.share:.1%})"
        if known
        else "too few were asked of the release before to compare with"
    )
    detail = (
        f"{new.failed} of {new.asked} requests failed ({new.share:.1%}); {before}; "
        f"{settings.watch_share:.0%} is too many, and so is an increase that chance makes with "
        f"p < {settings.watch_level:g}, here {chance:.2g}"
    )
    figures = {
        "requests": float(new.asked),
        "requests_failed": float(new.failed),
        "old_requests": float(old.asked),
        "old_requests_failed": float(old.failed),
    }
    return Check("requests", not too_many and chance >= settings.watch_level, detail), figures


def chance_of(new: Outcomes, old: Outcomes) -> float:
    """How likely so many failures are, or more, had both releases failed equally often.

    Fisher's exact test, one-sided: the failures of both, drawn at random among all requests.
    """
    asked, failed = new.asked + old.asked, new.failed + old.failed
    everything = _log_choose(asked, failed)
    return min(
        1.0,
        math.fsum(
            math.exp(
                _log_choose(new.asked, mine) + _log_choose(old.asked, failed - mine) - everything
            )
            for mine in range(new.failed, min(new.asked, failed) + 1)
            if failed - mine <= old.asked
        ),
    )


class Watch:
    """Watches what a state says is watched."""

    def __init__(
        self,
        state: Callable[[], State],
        audit: Path,
        settings: ReleaseSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing was looked at yet.

        Args:
            state: The state as it is.
            audit: Folder of the gateway's audit log.
            settings: What is allowed, and how often it is looked at.
            clock: Seconds since 1970, for tests.
        """
        self._state = state
        self._audit = audit
        self._settings = settings
        self._clock = clock
        self._watched: Watched | None = None
        self._counter: OutcomeCounter | None = None
        self._old = Outcomes()
        self._look_at = 0.0
        self._finding: Finding | None = None

    async def look(self) -> Finding | None:
        """How the release that is watched does; None for none, or where that cannot be known."""
        watched = self._state().watched
        if watched is None:
            return None
        now = time.monotonic()
        if watched == self._watched and now < self._look_at:
            return self._finding
        self._look_at = now + self._settings.poll_seconds
        try:
            new = await asyncio.to_thread(self._count, watched)
        except OSError as error:
            LOG.warning("requests to %s cannot be counted: %s", watched.release, error)
            return None
        self._finding = Finding(*judge_requests(new, self._old, self._settings))
        return self._finding

    def is_over(self, watched: Watched) -> bool:
        """Whether a release was watched for long enough."""
        return self._clock() > watched.since + self._settings.watch_seconds

    def _count(self, watched: Watched) -> Outcomes:
        counter = self._counter
        if counter is None or watched != self._watched:
            since, seconds = watched.since, self._settings.watch_seconds
            before = OutcomeCounter(self._audit, watched.old, since - seconds, since)
            self._old = before.count()
            counter = OutcomeCounter(self._audit, watched.release, since, since + seconds)
            self._counter, self._watched = counter, watched
        return counter.count()


def _log_choose(number: int, taken: int) -> float:
    return math.lgamma(number + 1) - math.lgamma(taken + 1) - math.lgamma(number - taken + 1)
