"""Files: what is verified of a release, what gateways are told, what the state survives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.gateway.artifacts import Store
from serving.gateway.json_file import DamagedFileError
from serving.gateway.upstreams import UpstreamFile
from serving.model_server.process import ServedModel, ServerRecord
from serving.releases.manifest import ReleaseError, Releases
from serving.releases.routes import upstreams, write_upstreams
from serving.releases.servers import telling_line
from serving.releases.state import Server, State, StateFile, Switch
from tests.unit.serving.releases.published import BASE, RELEASED, Published


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)


def releases_of(published: Published) -> Releases:
    return Releases(Store(published.store.root), published.home / "models")


def problem(published: Published, name: str) -> str:
    releases = releases_of(published)
    with pytest.raises(ReleaseError) as error:
        releases.verify(releases.find(name))
    return str(error.value)


def test_every_file_that_is_served_is_compared(published: Published) -> None:
    base = published.add_base()
    name = published.publish(b"-a", base=base)
    releases = releases_of(published)
    release = releases.find(name)
    assert release.model == ServedModel(
        name, published.home / "models" / BASE, release.model.adapter
    )
    assert releases.current_version() == release.version.name
    assert releases.verify(release).startswith("4 files")
    adapter = published.checkpoint_file(name, "adapter/adapter_model.safetensors")
    adapter.write_bytes(b"-b")
    assert "adapter_model.safetensors is not what was released" in problem(published, name)
    adapter.unlink()
    assert "adapter_model.safetensors cannot be read" in problem(published, name)
    adapter.write_bytes(b"-a")
    stranger = adapter.with_name("more.safetensors")
    stranger.write_bytes(b"")
    assert "adapter/more.safetensors was not released" in problem(published, name)
    stranger.unlink()
    weights = published.home / "models" / BASE / "model.safetensors"
    weights.write_bytes(b"other")
    assert "model.safetensors is not what was released" in problem(published, name)
    weights.write_bytes(base[1])
    releases.verify(release)
    manifest = published.home / "models" / BASE / "model.json"
    content = json.loads(manifest.read_text())
    content["files"]["model.safetensors"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(content))
    assert "is another one" in problem(published, name)
    manifest.unlink()
    assert "bring it by amodels models add" in problem(published, name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"release": "../x"}, "does not fit its schema"),
        ({"mode": "half"}, "does not fit its schema"),
        ({"checkpoint": {"path": "../../elsewhere"}}, "lies outside"),
    ],
)
def test_a_manifest_leads_nowhere_else(
    published: Published, change: dict[str, Any], says: str
) -> None:
    published.publish(b"one")
    made = published.store.get(RELEASED)
    manifest = json.loads((made.path / "release.json").read_text())
    for name, value in change.items():
        manifest[name] = {**manifest[name], **value} if isinstance(value, dict) else value

    def produce(folder: Path) -> None:
        (folder / "release.json").write_text(json.dumps(manifest))
        schema = (made.path / "release.schema.json").read_bytes()
        (folder / "release.schema.json").write_bytes(schema)

    bad = published.store.publish(RELEASED, inputs={}, code_version="2", produce=produce)
    with pytest.raises(ReleaseError, match=says):
        releases_of(published).of_version(bad.path.name)


def state_with(**values: Any) -> State:
    """Two releases with a server each, ``a`` served."""
    servers = {}
    for number, release in enumerate("ab", 1):
        record = ServerRecord(f"http://127.0.0.1:{number}", number, "1", release, "log")
        name = f"s{number}"
        servers[name] = Server(name, ServedModel(release, Path("f")), "log", record, ready=True)
    return State(released="a", servers=servers, deployed={"a": "s1", "b": "s2"}, **values)


def switch(phase: str, **values: Any) -> Switch:
    return Switch("b", "v", phase, "now", 0.0, old="a", **values)


def told(state: State) -> tuple[dict[str, str], list[str], dict[str, str]]:
    found = upstreams(state)
    states = {entry["release"]: entry["state"] for entry in found["upstreams"]}
    return states, found["expected"], found["aliases"]


def test_what_gateways_are_told() -> None:
    on_trial = told(state_with(switch=switch("canary")))
    assert on_trial == (
        {"a": "ready", "b": "starting"},
        [],
        {"released": "a", "candidate": "b"},
    )
    state = state_with(switch=switch("draining"))
    state.released = state.tried = "b"
    aliases = {"released": "b", "candidate": "b"}
    assert told(state) == ({"a": "draining", "b": "ready"}, [], aliases)
    # The old one is left before the new one has a process: what is asked waits for that.
    state = state_with(switch=switch("making_room", makes_room=True))
    state.servers["s2"].record = None
    assert told(state) == ({"a": "draining"}, ["b"], {"released": "b", "candidate": "b"})
    # Rejected: it waits for the old one instead.
    del state.servers["s1"]
    assert state.switch is not None
    state.switch.phase = "rejecting"
    assert told(state)[1:] == (["a", "b"], {"released": "a"})
    # A server that is started anew.
    state = state_with()
    state.servers["s1"].ready = False
    assert told(state)[0]["a"] == "starting"
    assert told(State()) == ({}, [], {})


def test_a_file_that_is_written_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    state = state_with(switch=switch("canary"))
    write_upstreams(state, path)
    seen = path.stat().st_ino
    write_upstreams(state, path)
    assert path.stat().st_ino == seen
    routes = UpstreamFile(path).routes()
    assert routes.coming == {"b"}
    assert [u.name for u in routes.ready["a"]] == ["s1.a"]


def test_the_state_comes_back_as_it_was(tmp_path: Path) -> None:
    written: list[State] = []
    file = StateFile(tmp_path / "state.json", written.append)
    file.state = state_with(switch=switch("canary", figures={"seconds": 1.0}))
    file.state.answer("1", "accepted", "b is served")
    file.save()
    assert written == [file.state]
    assert StateFile(tmp_path / "state.json", written.append).state == file.state
    for content in ("{", "[]", "{}", '{"schema_version": 2}'):
        (tmp_path / "state.json").write_text(content)
        with pytest.raises(DamagedFileError, match="delete the file and start again"):
            StateFile(tmp_path / "state.json", written.append)


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        ("", ""),
        ("a\nb\n\n", "b"),
        ("x\ntorch.OutOfMemoryError: CUDA out of memory.\nTraceback\nEngine failed", "torch.Out"),
    ],
)
def test_the_line_that_says_why(tail: str, line: str) -> None:
    assert telling_line(tail).startswith(line)
