"""Releases as the platform publishes them, and what a supervisor writes of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore, digest
from amodels_assets.release.language_release import KIND, SCHEMA_FILE
from tests.unit.serving.releases import model_server_stand_in as stand_in
from tests.unit.serving.running import PATIENCE, wait_until

RELEASED = "release/released_language_model"
PROMPTS = ("the table holds one row", "a view joins accounts to their clients and more")
BASE = "tiny"


def canary_of(weights: bytes) -> dict[str, Any]:
    """What the stand-in answers with these weights, stored as a release stores it."""
    prompts = []
    for text in PROMPTS:
        tokens = stand_in.tokens_of(text)
        logprobs = [stand_in.chance(weights, tokens[: n + 1]) for n in range(1, len(tokens))]
        answer = stand_in.answer_to(weights, tokens, 6)
        prompts.append(
            {"text": text, "tokens": tokens, "logprobs": logprobs, "answer": answer,
             "leads": [2.0] * 6, "ended": False}
        )  # fmt: skip
    return {"schema_version": 1, "prompts": prompts}


class Published:
    """A home with an artifact store, in which releases are published."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = ArtifactStore(home / "artifacts")
        self.folder = home / "gateway" / "releases"

    def add_base(self, **behaviour: Any) -> tuple[str, bytes]:
        """A base model for adapters; its version and its weights."""
        folder, weights = self.home / "models" / BASE, b"base"
        folder.mkdir(parents=True)
        files = {"model.safetensors": weights, "behaviour.json": json.dumps(behaviour).encode()}
        hashes = {}
        for name, content in files.items():
            (folder / name).write_bytes(content)
            hashes[name] = hashlib.sha256(content).hexdigest()
        records = {name: {"sha256": h, "bytes": len(files[name])} for name, h in hashes.items()}
        (folder / "model.json").write_text(json.dumps({"files": records}))
        return digest(hashes), weights

    def publish(
        self,
        weights: bytes,
        *,
        base: tuple[str, bytes] | None = None,
        without_canary: bool = False,
        damage: Callable[[Path], object] = lambda _: None,
        **behaviour: Any,
    ) -> str:
        """Publish a checkpoint and its release; the release's name.

        Args:
            weights: Of the model, what all of its answers follow from.
            base: Version and weights of the base model, of an adapter.
            without_canary: As releases were before there were canaries.
            damage: Does something to the checkpoint's folder before it is released.
            behaviour: Of the stand-in.
        """

        def checkpoint(folder: Path) -> None:
            place = folder / ("adapter" if base else "model")
            place.mkdir()
            name = "adapter_model.safetensors" if base else "model.safetensors"
            (place / name).write_bytes(weights)
            if not base:
                (place / "behaviour.json").write_text(json.dumps(behaviour))
            (folder / "config.json").write_text("{}")

        return self.publish_model(
            {"weights": weights.decode(), "behaviour": json.dumps(behaviour)},
            checkpoint,
            None if without_canary else lambda _: canary_of(base[1] + weights if base else weights),
            base=base[0] if base else "",
            damage=damage,
        )

    def publish_model(
        self,
        inputs: dict[str, str],
        checkpoint: Callable[[Path], None],
        canary: Callable[[Path], dict[str, Any]] | None,
        *,
        base: str = "",
        damage: Callable[[Path], object] = lambda _: None,
    ) -> str:
        """Publish any checkpoint and its release; the release's name.

        Args:
            inputs: Of the artifacts.
            checkpoint: Writes the checkpoint.
            canary: What it answers, from its folder; None for a release without.
            base: Version of the base model, of an adapter.
            damage: Does something to the checkpoint's folder before it is released.
        """
        made = self.store.publish(
            "training/language_model", inputs=inputs, code_version="1", produce=checkpoint
        )
        manifest = _manifest(self.store, made, base or "0" * 64)

        def release(folder: Path) -> None:
            manifest["mode"] = "lora" if base else "full"
            (folder / "release.json").write_text(json.dumps(manifest))
            shutil.copyfile(SCHEMA_FILE, folder / "release.schema.json")
            if canary is not None:
                (folder / "canary.json").write_text(json.dumps(canary(made.path)))

        damage(made.path)
        self.store.publish(RELEASED, inputs=inputs, code_version="1", produce=release)
        return str(manifest["release"])

    def publish_again(self, release: str) -> str:
        """Publish a release once more, as another version of the artifact; that version's name."""
        (folder,) = (path.parents[0] for path in self._manifests(release))

        def produce(made: Path) -> None:
            for file in ("release.json", "release.schema.json", "canary.json"):
                shutil.copyfile(folder / file, made / file)

        made = self.store.publish(
            RELEASED, inputs={"again": release}, code_version="2", produce=produce
        )
        return made.path.name

    def checkpoint_file(self, release: str, name: str = "model/model.safetensors") -> Path:
        (manifest,) = self._manifests(release)
        content = json.loads(manifest.read_text())
        return self.store.root / content["checkpoint"]["path"] / name

    def _manifests(self, release: str) -> list[Path]:
        paths = [version.path / "release.json" for version in self.store.versions(RELEASED)]
        return [path for path in paths if json.loads(path.read_text())["release"] == release]

    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "state.json").read_text())

    def verdict(self, release: str) -> dict[str, Any] | None:
        path = self.folder / "records" / f"{release}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def decided(self, release: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The verdict on a release, once there is one and the switch is over."""
        wait_until(
            lambda: self.verdict(release) is not None and self.state()["switch"] is None, seconds
        )
        found = self.verdict(release)
        assert found is not None
        return found

    def ask_for(self, action: str, release: str = "", identity: str = "1") -> None:
        """What the command writes."""
        asked = {"id": identity, "action": action, "release": release}
        aside = self.folder / "request.aside"
        aside.write_text(json.dumps(asked))
        aside.rename(self.folder / "request.json")

    def answer(self, identity: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """What became of a request."""

        def found() -> list[dict[str, Any]]:
            answers = self.state()["answers"]
            return [entry for entry in answers if entry["request"] == identity]

        wait_until(lambda: bool(found()), seconds)
        return found()[0]

    def served_by(self) -> dict[str, Any]:
        """The process of what is released."""
        state = self.state()
        record = state["servers"][state["deployed"][state["released"]]]["record"]
        if record is None:
            raise KeyError("it is being started")
        return record

    def processes(self) -> list[int]:
        """All model servers of this home that run, whoever knows of them."""
        found = []
        for name in os.listdir("/proc"):
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            if str(self.home).encode() in command and b"stand_in" in command and state != "Z":
                found.append(int(name))
        return found


def _manifest(store: ArtifactStore, checkpoint: Artifact, base: str) -> dict[str, Any]:
    """A release manifest as the gate writes it; the scores in it are made up."""
    version = checkpoint.data_version
    reference = {
        "artifact": checkpoint.manifest.artifact,
        "path": checkpoint.path.relative_to(store.root).as_posix(),
        "data_version": version,
    }
    files = {
        name: {"sha256": record.sha256, "bytes": record.bytes}
        for name, record in checkpoint.manifest.files.items()
    }
    comparison = {"benchmark": "b", "difference": 0.1, "low": 0.0, "high": 0.2, "p": 0.01,
                  "test": "t", "gained": 1, "lost": 0, "n": 10, "left_out": 0}  # fmt: skip
    score = {"benchmark": "b", "metric": "m", "value": 0.5, "stderr": 0.1, "low": 0.4, "high": 0.6,
             "n": 10, "chance": 0.2, "majority": 0.3, "template_sha256": version, "seed": 0,
             "resamples": 10}  # fmt: skip
    return {
        "schema_version": 1,
        "release": f"r-{version[:12]}",
        "kind": KIND,
        "checkpoint": {**reference, "files": files},
        "mode": "full",
        "base": {"name": BASE, "version": base},
        "scored_as": {"name": "m", "version": version},
        "privacy": None,
        "dataset": reference,
        "scores": reference,
        "score": score,
        "compared_with": "base",
        "comparisons": [comparison, comparison],
        "supersedes": None,
        "rules": [{"rule": "r", "passed": True, "detail": "d"}],
    }
