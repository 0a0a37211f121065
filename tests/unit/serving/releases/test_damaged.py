"""What is damaged: a release while nobody watched, a release manifest, a request."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.serving.releases.published import RELEASED
from tests.unit.serving.releases.world import Supervised, eventually


def test_a_release_that_was_damaged_meanwhile_is_taken_back(tmp_path: Path) -> None:
    world = Supervised(tmp_path, gateway=False, in_thread=True)
    with world:
        first = world.publish(b"one")
        world.decided(first)
        second = world.publish(b"two")
        world.decided(second)
    world.checkpoint_file(second).write_bytes(b"other")
    with world:
        eventually(lambda: world.state()["released"] == first and not world.state()["switch"])
        verdict = world.verdict(second)
        assert verdict is not None
        assert (verdict["verdict"], verdict["phase"]) == ("rejected", "serving")
        assert "model.safetensors is not what was released" in verdict["reason"]
    # Now nothing is left to go back to: it is said, and tried again until the files are right.
    weights = world.checkpoint_file(first)
    content = weights.read_bytes()
    weights.write_bytes(b"other")
    with world:
        eventually(lambda: "is not what was released" in world.state()["problem"])
        assert world.processes() == []
        weights.write_bytes(content)
        eventually(lambda: len(world.processes()) == 1 and world.state()["problem"] == "")
        assert world.state()["released"] == first


def test_what_cannot_be_read_is_rejected_and_the_next_is_tried(tmp_path: Path) -> None:
    with Supervised(tmp_path, gateway=False, in_thread=True) as world:
        good = world.publish(b"one")
        world.decided(good)
        manifest = json.loads((world.store.get(RELEASED).path / "release.json").read_text())
        schema = (world.store.get(RELEASED).path / "release.schema.json").read_bytes()

        def produce(folder: Path) -> None:
            (folder / "release.json").write_text(json.dumps({**manifest, "mode": "half"}))
            (folder / "release.schema.json").write_bytes(schema)

        bad = world.store.publish(RELEASED, inputs={}, code_version="2", produce=produce)
        name = f"unreadable-{bad.path.name[:12]}"
        eventually(lambda: world.verdict(name) is not None)
        assert "does not fit its schema" in world.verdict(name)["reason"]
        assert world.state()["released"] == good
        # No request: it is left alone, and nothing is taken for one.
        (world.folder / "request.json").write_text('{"id": "1", "action": "destroy"}')
        world.ask_for("rollback", identity="2")
        assert "no other release was served before" in world.answer("2")["detail"]
        # The same release, published again: nothing to switch to.
        world.store.publish(
            RELEASED,
            inputs={},
            code_version="3",
            produce=lambda folder: [
                (folder / "release.json").write_text(json.dumps(manifest)),
                (folder / "release.schema.json").write_bytes(schema),
            ],
        )
        version = world.store.get(RELEASED).path.name
        eventually(lambda: world.state()["seen"] == version)
        assert world.state()["versions"] == {good: version}
        assert len(world.processes()) == 1
