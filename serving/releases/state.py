"""What the supervisor knows and wants, in one file that is replaced before anything is done.

Belongs here: the state's form, saving it, and finding it again. Does not belong here: what follows
from it (``routes.py``, ``servers.py``, ``switch.py``).

A supervisor that is killed is started again with this file and the processes that still run. So
each step is written down before it is begun, and every step may be begun twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.gateway.json_file import DamagedFileError, replace_file
from serving.model_server.process import ServedModel, ServerRecord

SCHEMA_VERSION = 1
# Of a switch. Until it is accepted a release is on trial, and nothing was decided.
VERIFYING, MAKING_ROOM, STARTING, LOADING = "verifying", "making_room", "starting", "loading"
CANARY, ACCEPTING, DRAINING, STOPPING = "canary", "accepting", "draining", "stopping"
REJECTING = "rejecting"
TRIAL = (VERIFYING, MAKING_ROOM, STARTING, LOADING, CANARY)
_REMEMBERED = 20


@dataclass
class Server:
    """A model server that is wanted, or is being stopped.

    Attributes:
        name: Unique for all time; its log has it too.
        model: What it serves when it is started.
        log: File of its output.
        record: Its process; None before it was started.
        ready: Whether it answered that it is well, and goes on doing so.
        wanted: Whether it is to run.
        failures: Starts and lives in a row that ended before it was ready.
        reason: Why it failed last.
        failure: The same, where it will not be started again by itself.
        tail: What its output ended with then.
    """

    name: str
    model: ServedModel
    log: str
    record: ServerRecord | None = None
    ready: bool = False
    wanted: bool = True
    failures: int = 0
    reason: str = ""
    failure: str = ""
    tail: str = ""


@dataclass
class Switch:
    """The way to a release, where one is being gone.

    Attributes:
        release: That is to be served.
        version: Of the artifact that it is in.
        phase: What is being done.
        began_at: When the switch began, ISO 8601, UTC.
        phase_began: When the phase began, seconds since 1970.
        old: The release that was served before; None for none.
        request: Of whoever asked; empty where the manifest did.
        action: ``manifest``, ``promote``, ``rollback`` or ``recover``.
        reason: Why it is rejected.
        failed_in: The phase in which it was.
        checks: What it showed until now.
        figures: Of the canary.
        log: The end of its server's output, where that ended.
        makes_room: Whether the old release's server goes before its own comes.
    """

    release: str
    version: str
    phase: str
    began_at: str
    phase_began: float
    old: str | None = None
    request: str = ""
    action: str = "manifest"
    reason: str = ""
    failed_in: str = ""
    checks: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    log: str = ""
    makes_room: bool = False

    @property
    def on_trial(self) -> bool:
        """Whether it is not yet decided."""
        return self.phase in TRIAL

    @property
    def is_forward(self) -> bool:
        """Whether it leads to a release for its own sake, and not back to one."""
        return self.action in {"manifest", "promote"}


@dataclass(frozen=True)
class Watched:
    """A release that was switched to and is watched.

    Attributes:
        release: Its name.
        old: The release before.
        since: When it was switched to, seconds since 1970.
    """

    release: str
    old: str
    since: float


@dataclass
class State:
    """All of it.

    Attributes:
        released: The release that requests for ``released`` are for.
        versions: Version of the artifact of each release that was served.
        previous: Releases that were served before, the newest first.
        seen: The version of the artifact that was taken up last.
        tried: The release that was tried last, or is being tried.
        servers: By name.
        deployed: Release to the name of the server that has it.
        switch: The one that is going on.
        number: Of the next server's name.
        answers: Of what people asked for, the newest last.
        problem: Why nothing can be served, empty otherwise.
        watched: What was switched to a short time ago; None where that is over.
    """

    released: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    previous: list[str] = field(default_factory=list)
    seen: str | None = None
    tried: str | None = None
    servers: dict[str, Server] = field(default_factory=dict)
    deployed: dict[str, str] = field(default_factory=dict)
    switch: Switch | None = None
    number: int = 1
    answers: list[dict[str, str]] = field(default_factory=list)
    problem: str = ""
    watched: Watched | None = None

    def server_of(self, release: str | None) -> Server | None:
        """The server that has a release, None for none that is wanted."""
        server = self.servers.get(self.deployed.get(release or "", ""))
        return server if server is not None and server.wanted else None

    def on_trial(self, server: Server) -> bool:
        """Whether a server has nothing but a release that is on trial."""
        if self.switch is None or not self.switch.on_trial:
            return False
        here = {release for release, name in self.deployed.items() if name == server.name}
        return here == {self.switch.release} and self.switch.release != self.released

    def answer(self, request: str, outcome: str, text: str) -> None:
        """Keep what became of what somebody asked for."""
        entry = {"request": request, "outcome": outcome, "detail": text}
        self.answers = [*self.answers, entry][-_REMEMBERED:]

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        raw = asdict(self)
        for name, server in self.servers.items():
            raw["servers"][name]["model"] = {
                "release": server.model.release,
                "folder": str(server.model.folder),
                "adapter": str(server.model.adapter) if server.model.adapter else None,
            }
        return {"schema_version": SCHEMA_VERSION, **raw}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> State:
        """From the file; raises KeyError, TypeError or ValueError where it is none."""
        values = dict(raw)
        if values.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError("schema_version is another one")
        values["servers"] = {name: _server(entry) for name, entry in raw["servers"].items()}
        values["switch"] = Switch(**raw["switch"]) if raw["switch"] else None
        # Supervisors before this one wrote none.
        values["watched"] = Watched(**raw["watched"]) if raw.get("watched") else None
        return cls(**values)


class StateFile:
    """The file, and what is done after each change."""

    def __init__(self, path: Path, saved: Callable[[State], None]) -> None:
        """Use ``path``; ``saved`` is called whenever it was written."""
        self.path = path
        self._saved = saved
        self.state = self._load()

    def save(self) -> None:
        """Replace the file, then let others know."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(self.state.to_json(), indent=1, sort_keys=True) + "\n"
        replace_file(self.path, content.encode())
        self._saved(self.state)

    def _load(self) -> State:
        try:
            raw = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return State()
        except ValueError as error:
            raise self._damaged(error) from error
        try:
            return State.from_json(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedFileError:
        return DamagedFileError(
            f"{self.path} cannot be understood ({error}): stop the model servers that still run, "
            "delete the file and start again"
        )


def now() -> str:
    """This moment, as files have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _server(raw: dict[str, Any]) -> Server:
    model = raw["model"]
    adapter = Path(model["adapter"]) if model["adapter"] else None
    served = ServedModel(str(model["release"]), Path(model["folder"]), adapter)
    record = ServerRecord.from_json(raw["record"]) if raw["record"] else None
    values: dict[str, Any] = {**raw, "model": served, "record": record}
    return Server(**values)
