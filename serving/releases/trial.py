"""Trying a release: the canary.

Belongs here: which questions are put to its server and the old one's, in which order. Does not
belong here: what the answers come to (``canary.py``) and what follows (``switch.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.gateway.http_client import Pool
from serving.releases.asking import AskError, complete, models_of
from serving.releases.canary import (
    Answer,
    Check,
    StoredPrompt,
    judge_answers,
    judge_seconds,
)
from serving.releases.settings import ReleaseSettings


class RejectedError(Exception):
    """A release is not served; the message says why.

    Attributes:
        checks: What it showed and did not.
        figures: By name.
    """

    def __init__(
        self, reason: str, checks: Sequence[Check] = (), figures: dict[str, float] | None = None
    ) -> None:
        """See the attributes."""
        super().__init__(reason)
        self.checks = list(checks)
        self.figures = dict(figures or {})


async def try_release(
    pool: Pool,
    url: str,
    release: str,
    stored: Sequence[StoredPrompt],
    settings: ReleaseSettings,
    *,
    old: tuple[str, str],
    old_seconds: float | None,
    compare: bool,
) -> tuple[list[Check], dict[str, float]]:
    """Ask a release's server what is stored, and the old one's beside it.

    Each prompt is put to both in turn, so that whatever else the machine does falls on both; the
    better of some times counts, as a server that also answers clients is slow now and then.

    Args:
        pool: For connections.
        url: Of the release's server.
        release: Its name, its model's too.
        stored: The stored answers.
        settings: Tolerances.
        old: URL of the old release's server, empty where none runs, and the old release.
        old_seconds: What a prompt took the old release when it was tried itself.
        compare: Whether being slower than the old release counts.

    Raises:
        RejectedError: It does not show what it has to.
    """
    checks: list[Check] = []
    figures: dict[str, float] = {}
    try:
        found = await models_of(pool, url, settings.canary_seconds)
        if release not in found:
            raise AskError(f"its server has {', '.join(found) or 'no model'}, not {release}")
        asked, theirs = await _ask_both(pool, url, release, stored, settings, old=old)
    except AskError as error:
        failed = Check("answers without an error", False, str(error))
        raise RejectedError(f"canary: {error}", [failed]) from error
    number = len(stored) * settings.canary_repeats
    checks.append(Check("answers without an error", True, f"{number} of {number} were answered"))
    judged, said = judge_answers(stored, [answers[-1] for answers in asked], settings)
    checks += judged
    figures |= said
    # The first answer of a server that has just been started takes much longer than the others.
    figures["slowest_seconds"] = max(answer.seconds for answers in asked for answer in answers)
    mine = [min(answer.seconds for answer in answers) for answers in asked]
    timed, said = _timed(mine, theirs, old_seconds, settings)
    figures |= said
    if timed is not None:
        detail = timed.detail + ("" if compare else "; it was served before and may be slower")
        checks.append(Check(timed.check, timed.passed or not compare, detail))
    if failed := [check for check in checks if not check.passed]:
        reason = "; ".join(f"{check.check}: {check.detail}" for check in failed)
        raise RejectedError(f"canary: {reason}", checks, figures)
    return checks, figures


async def _ask_both(
    pool: Pool,
    url: str,
    release: str,
    stored: Sequence[StoredPrompt],
    settings: ReleaseSettings,
    *,
    old: tuple[str, str],
) -> tuple[list[list[Answer]], list[float]]:
    """The release's answers to each prompt, and the old one's best times."""
    asked, theirs = [], []
    seconds = settings.canary_seconds
    for prompt in stored:
        ours: list[Answer] = []
        others: list[float] = []
        for _ in range(settings.canary_repeats):
            ours.append(await complete(pool, url, release, prompt, seconds))
            if old[0]:
                try:
                    others.append((await complete(pool, old[0], old[1], prompt, seconds)).seconds)
                except AskError:
                    # The old one's failures are not the new one's: it is judged without them.
                    old = ("", old[1])
        asked.append(ours)
        if others:
            theirs.append(min(others))
    return asked, theirs if len(theirs) == len(asked) else []


def _timed(
    mine: list[float], theirs: list[float], old_seconds: float | None, settings: ReleaseSettings
) -> tuple[Check | None, dict[str, float]]:
    if theirs:
        return judge_seconds(mine, theirs, settings)
    if old_seconds:
        return judge_seconds(mine, [old_seconds], settings)
    _, figures = judge_seconds(mine, mine, settings)
    return None, {"seconds": figures["seconds"]}
