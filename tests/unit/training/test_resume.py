"""A training that is killed or stopped ends with the very bits of one that was not."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from pathlib import Path

import pytest

from amodels_assets.training.checkpoint import METRICS_FILE, latest_step
from amodels_assets.training.execution import Execution
from amodels_assets.training.train import train
from amodels_assets.training.work import TrainingError
from tests.forking import Forked

from .trained import OPTIONS, TINY, content, end, silent, start, wait_until

STEPS = 300
SETTINGS = [*OPTIONS, "--steps", str(STEPS), "--set", "checkpoint_every=7"]
SETTINGS += ["--set", "evaluate_every=60", "--json"]


@pytest.fixture(scope="module")
def undisturbed(bank_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    end(start("finetune", str(bank_dataset), str(folder), *SETTINGS))
    return folder


def begin(dataset: Path, folder: Path) -> Forked:
    """Start, or go on; steps are being taken when this returns."""
    before = latest_step(folder).step
    process = start("finetune", str(dataset), str(folder), *SETTINGS)

    def goes_on() -> bool:
        after = latest_step(folder).step
        return after is not None and (before is None or after.number > before.number)

    wait_until(process, goes_on)
    return process


def wait(process: Forked, seconds: float) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def test_killed_at_ten_random_moments(
    bank_dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    moments = random.Random(5)
    seen = []
    for _ in range(10):
        process = begin(bank_dataset, tmp_path)
        wait(process, moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        step = latest_step(tmp_path).step
        assert step is not None
        taken = (tmp_path / METRICS_FILE).read_text().splitlines()
        # No more is lost than the steps since the last checkpoint.
        assert json.loads(taken[-1])["step"] - step.number <= 7 if taken else True
        seen.append(step.number)
    assert seen == sorted(set(seen)), "each attempt came further"
    assert seen[-1] < STEPS
    found = json.loads(end(start("finetune", str(bank_dataset), str(tmp_path), *SETTINGS)))
    assert found["resumed_from"] == seen[-1]
    assert content(tmp_path) == content(undisturbed)


def test_asked_to_stop(bank_dataset: Path, undisturbed: Path, tmp_path: Path) -> None:
    """SIGTERM, as a machine's manager sends it, and SIGINT, as Dagster and Ctrl-C do."""
    stopped = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        process = begin(bank_dataset, tmp_path)
        process.send_signal(number)
        found = json.loads(end(process))
        assert (found["finished"], found["resumed_from"]) == (False, stopped)
        step = latest_step(tmp_path).step
        assert step is not None
        stopped = found["steps"]
        assert step.number == stopped < STEPS
        assert not (tmp_path / "model.safetensors").exists()
    found = json.loads(end(start("finetune", str(bank_dataset), str(tmp_path), *SETTINGS)))
    assert found["resumed_from"] == stopped
    assert content(tmp_path) == content(undisturbed)


def test_a_truncated_step_is_refused_and_the_one_before_is_used(
    bank_dataset: Path, undisturbed: Path, tmp_path: Path
) -> None:
    process = begin(bank_dataset, tmp_path)
    wait_until(process, lambda: len(list((tmp_path / "steps").glob("[0-9]*"))) > 1)
    process.terminate()
    end(process)
    before, last = sorted((tmp_path / "steps").glob("[0-9]*"))[-2:]
    weights = last / "state.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    found = json.loads(end(start("finetune", str(bank_dataset), str(tmp_path), *SETTINGS)))
    assert found["resumed_from"] == int(before.name)
    assert found["refused_checkpoints"] == [
        f"step {int(last.name)}: state.safetensors does not have its recorded hash"
    ]
    assert content(tmp_path) == content(undisturbed)


def test_the_last_steps_and_the_best_one_stay(bank_dataset: Path, tmp_path: Path) -> None:
    config = TINY.changed(
        {"steps": 40, "evaluate_every": 4, "checkpoint_every": 4, "keep": 2, "patience": 40}
    )
    kept: list[list[int]] = []
    best: list[int] = []

    def progress(step: int, steps: int, metrics: object) -> None:
        names = sorted(int(p.name) for p in (tmp_path / "steps").glob("[0-9]*"))
        if names:
            kept.append(names)
            newest = latest_step(tmp_path).step
            assert newest is not None
            best.append(newest.config["state"]["best"][1])

    result = train(bank_dataset, tmp_path, config, progress, Execution("cpu"))
    assert all(len(names) <= 3 for names in kept)
    assert all(number in names for number, names in zip(best, kept, strict=True))
    assert best[-1] == result.best_step
    assert not (tmp_path / "steps").exists()


def test_a_folder_with_another_training_is_refused(bank_dataset: Path, tmp_path: Path) -> None:
    process = begin(bank_dataset, tmp_path)
    process.terminate()
    end(process)
    with pytest.raises(TrainingError, match="another training: give another folder"):
        train(bank_dataset, tmp_path, TINY, silent, Execution("cpu"))
