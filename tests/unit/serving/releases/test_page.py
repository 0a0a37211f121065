"""docs/serving.md on releases: the defaults that it names are the defaults."""

from __future__ import annotations

import re

from serving.releases.settings import ReleaseSettings
from tests.unit.serving.releases.world import ROOT

# As the page writes them.
PERCENT = {"watch_share"}


def test_defaults_are_the_defaults() -> None:
    page = (ROOT / "docs" / "serving.md").read_text()
    defaults = ReleaseSettings().model_dump()
    found = {
        (name, float(number) / (100 if name in PERCENT else 1))
        for name, number in re.findall(r"`(\w+)` \(([\d.]+)(?: %)?\)", page)
        if name in defaults
    }
    assert {name for name, _ in found} >= {
        *("watch_seconds", "watch_least", "watch_share", "watch_level"),
        *("still_seconds", "token_timeout", "engine_misses", "start_seconds", "hung_seconds"),
    }
    assert found == {(name, defaults[name]) for name, _ in found}
