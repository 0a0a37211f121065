"""Who is told that an objective is in danger, and when nobody is told again.

Belongs here: deciding, and remembering what was told, so that neither a second process nor a
restart repeats it. Does not belong here: channels; Apprise speaks them.

A message is claimed in the record before it is sent and confirmed afterwards. A process that is
killed in between leaves the claim, and the message is sent when the claim is old: rather twice than
never.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from amodels_assets.operations.budget import Standing
from amodels_assets.operations.schema import NOTICES
from amodels_assets.operations.store import writing

BURNING, KEPT = "burning", "kept"
# A message is on its way for less.
_CLAIM_SECONDS = 120.0

Send = Callable[[str, str], bool]


class NotificationError(ValueError):
    """The channels cannot be used; the message holds none of them."""


def tell(
    engine: sa.Engine, found: Sequence[Standing], send: Send, *, now: float, quiet: float
) -> list[str]:
    """Tell what is new.

    Somebody is told when an alert begins, again after the quiet period while it lasts, and when it
    is over. What begins again within the quiet period is told after it, if it lasts.

    Args:
        engine: Of the record.
        found: How objectives stand.
        send: Sends a title and a text, and says whether it was taken.
        now: Seconds since 1970.
        quiet: Seconds in which nobody is told of the same objective again.

    Returns:
        Subjects that could not be told; they are tried again next time.
    """
    failed = []
    for each in found:
        subject, state = each.objective.subject, BURNING if each.burning else KEPT
        if not _claim(engine, subject, state, now, quiet):
            continue
        taken = send(*_message(each))
        _confirm(engine, subject, {"told": state, "told_at": now} if taken else {})
        if not taken:
            failed.append(subject)
    return failed


def sender(urls: str) -> Send:
    """Channels by their URLs, as Apprise has them, with spaces between.

    Raises:
        NotificationError: Apprise is not installed, or one of the URLs is none.
    """
    try:
        import apprise
    except ImportError:
        raise NotificationError(
            "apprise is not installed: say pip install 'amodels[operations]'"
        ) from None
    channels = apprise.Apprise()
    for number, url in enumerate(urls.split(), 1):
        if not channels.add(url):
            raise NotificationError(f"AMODELS_NOTIFICATION_URLS: URL number {number} is none of "
                                    "Apprise's, json://host:port/path say")  # fmt: skip

    def send(title: str, text: str) -> bool:
        return bool(channels.notify(title=title, body=text))

    return send


def _claim(engine: sa.Engine, subject: str, state: str, now: float, quiet: float) -> bool:
    with writing(engine) as connection:
        query = sa.select(NOTICES).where(NOTICES.c.subject == subject)
        row: Any = connection.execute(query).first()
        told = row.told if row is not None else KEPT
        if state == KEPT and told == KEPT:
            return False
        if row is not None:
            recently = row.told_at is not None and now - row.told_at < quiet
            if state == BURNING and recently:
                return False
            if row.claimed == state and now - row.claimed_at < _CLAIM_SECONDS:
                return False
        else:
            new = {"subject": subject, "told": KEPT, "claimed": ""}
            connection.execute(sa.insert(NOTICES), new)
        _update(connection, subject, {"claimed": state, "claimed_at": now})
        return True


def _confirm(engine: sa.Engine, subject: str, told: dict[str, object]) -> None:
    with writing(engine) as connection:
        _update(connection, subject, {**told, "claimed": ""})


def _update(connection: sa.Connection, subject: str, values: dict[str, object]) -> None:
    connection.execute(sa.update(NOTICES).where(NOTICES.c.subject == subject).values(values))


def _message(found: Standing) -> tuple[str, str]:
    what = f"{found.objective.dimension} of {found.objective.asset}"
    state = "is in danger" if found.burning else "is safe again"
    return f"aModels: {what} {state}", f"{found.told}."
