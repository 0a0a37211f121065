"""The gateway's file of upstreams, as it follows from the supervisor's state.

Nothing else belongs here: a pure function, and writing what it gives where that changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serving.gateway.json_file import replace_file
from serving.releases.state import LOADING, VERIFYING, State, Switch


def upstreams(state: State) -> dict[str, Any]:
    """What the file has to say.

    A release that has no process yet is among ``expected``: requests for it wait, as they do for
    one whose server is starting.
    """
    entries, expected = [], set()
    for release, name in sorted(state.deployed.items()):
        server = state.servers.get(name)
        if server is None:
            continue
        if server.record is None:
            expected.add(release)
            continue
        kind = _kind(state, release, ready=server.ready)
        entry = {"name": f"{name}.{release}"[:128], "url": server.record.url, "release": release}
        entries.append({**entry, "state": kind})
    aliases = _aliases(state)
    known = {entry["release"] for entry in entries}
    expected |= {release for release in aliases.values() if release not in known}
    return {
        "schema_version": 1,
        "upstreams": entries,
        "expected": sorted(expected),
        "aliases": aliases,
    }


def write_upstreams(state: State, path: Path) -> None:
    """Replace the file where it does not say so already."""
    content = (json.dumps(upstreams(state), indent=1, sort_keys=True) + "\n").encode()
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


def _kind(state: State, release: str, *, ready: bool) -> str:
    switch = state.switch
    if release == state.released:
        if switch is not None and _makes_room(switch):
            return "draining"
        return "ready" if ready else "starting"
    if switch is not None and release == switch.old:
        return "draining"
    return "starting"


def _makes_room(switch: Switch) -> bool:
    """Whether the old release's server is going or gone while the new one's is not there yet."""
    return switch.makes_room and switch.on_trial and switch.phase not in {VERIFYING, LOADING}


def _aliases(state: State) -> dict[str, str]:
    switch, found = state.switch, {}
    if state.released is not None:
        found["released"] = state.released
        if state.tried == state.released:
            # Whoever waited for it while it was tried is answered; rejected, there is none.
            found["candidate"] = state.released
    if switch is not None and switch.on_trial and switch.phase != VERIFYING:
        found["candidate"] = switch.release
        if _makes_room(switch) and state.released is not None:
            # Its server is gone or going: what is asked waits for the next.
            found["released"] = switch.release
    return found
