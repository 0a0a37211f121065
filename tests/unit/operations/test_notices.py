"""Who is told of objectives in danger, by a real webhook on this machine."""

import pytest
import sqlalchemy as sa

from amodels_assets.operations.budget import Standing
from amodels_assets.operations.notices import NotificationError, sender, tell
from amodels_assets.operations.objectives import Alert, Objective
from amodels_assets.operations.store import opened

from .webhook import Webhook

ALERT = Alert(0.1, 3600, 300)
FRESH = Objective("sgmi/tables", "freshness", 0.9, 86400, (ALERT,), within=60)
WHOLE = Objective("sgmi/rows", "completeness", 0.9, 86400, (ALERT,), checks=("whole",))
NOW, QUIET = 1_800_000_000.0, 4 * 3600.0


def burning(objective: Objective = FRESH) -> Standing:
    return Standing(objective, 0.8, -1.0, ((ALERT, 20.0),))


def safe(objective: Objective = FRESH) -> Standing:
    return Standing(objective, 0.99, 0.9)


def test_what_is_told(engine: sa.Engine, webhook: Webhook) -> None:
    assert tell(engine, [burning(), safe(WHOLE)], sender(webhook.url), now=NOW, quiet=QUIET) == []
    (body,) = webhook.taken
    assert body["title"] == "aModels: freshness of sgmi/tables is in danger"
    assert "80.00% of the time fresh in 1d, promised 90.00%" in body["message"]
    assert "20.0 times as fast as it lasts over 1h" in body["message"]


def test_nobody_is_told_twice_not_even_after_a_restart(engine: sa.Engine, webhook: Webhook) -> None:
    for minutes in range(0, 230, 5):
        with opened(str(engine.url)) as restarted:
            tell(restarted, [burning()], sender(webhook.url), now=NOW + minutes * 60, quiet=QUIET)
    assert len(webhook.taken) == 1
    tell(engine, [burning()], sender(webhook.url), now=NOW + QUIET, quiet=QUIET)
    assert len(webhook.taken) == 2


def test_the_end_is_told_once_and_flapping_is_not(engine: sa.Engine, webhook: Webhook) -> None:
    send = sender(webhook.url)
    states = [burning(), safe(), safe(), burning(), safe(), burning(), safe()]
    for minutes, state in enumerate(states):
        tell(engine, [state], send, now=NOW + minutes * 60, quiet=QUIET)
    assert webhook.titles == [
        "aModels: freshness of sgmi/tables is in danger",
        "aModels: freshness of sgmi/tables is safe again",
    ]
    # What lasts is told after the quiet period.
    tell(engine, [burning()], send, now=NOW + 60 + QUIET, quiet=QUIET)
    assert webhook.titles[2:] == ["aModels: freshness of sgmi/tables is in danger"]


def test_objectives_are_told_apart(engine: sa.Engine, webhook: Webhook) -> None:
    send = sender(webhook.url)
    tell(engine, [burning()], send, now=NOW, quiet=QUIET)
    tell(engine, [burning(), burning(WHOLE)], send, now=NOW + 60, quiet=QUIET)
    assert len(set(webhook.titles)) == len(webhook.titles) == 2


def test_what_nobody_took_is_tried_again(engine: sa.Engine, webhook: Webhook) -> None:
    webhook.status = 503
    send = sender(webhook.url)
    assert tell(engine, [burning()], send, now=NOW, quiet=QUIET) == ["sgmi/tables freshness"]
    webhook.status = 200
    assert tell(engine, [burning()], send, now=NOW + 1, quiet=QUIET) == []
    assert len(webhook.taken) == 1


def test_a_process_that_is_killed_while_it_tells_is_made_up_for(
    engine: sa.Engine, webhook: Webhook
) -> None:
    """The kill is a send that never comes back; meanwhile no other process tells the same."""

    def killed(title: str, text: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(engine, [burning()], killed, now=NOW, quiet=QUIET)
    send = sender(webhook.url)
    tell(engine, [burning()], send, now=NOW + 60, quiet=QUIET)
    assert webhook.taken == []
    tell(engine, [burning()], send, now=NOW + 300, quiet=QUIET)
    assert len(webhook.taken) == 1


def test_urls_that_are_none_are_refused_and_not_shown() -> None:
    with pytest.raises(NotificationError) as refused:
        sender("json://127.0.0.1:1/ nonsense-with-secret")
    assert "URL number 2" in str(refused.value)
    assert "secret" not in str(refused.value)
