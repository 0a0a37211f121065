"""Trainings as Dagster runs: one at a time, repeated after a crash, never after a refusal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

import dagster as dg
import psutil
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.commands.materialize import DAGSTER_YAML
from amodels_assets.commands.running import alive, free_places_of_the_dead
from amodels_assets.training.assets import relational_transformer
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

ROOT = Path(__file__).parents[3]


@pytest.fixture
def dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the settings that the command line writes."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return home


def store_with(dataset: Path, root: Path) -> ArtifactStore:
    store = ArtifactStore(root)
    store.publish(
        "datasets/facility_downgrade",
        inputs={"from": "a test"},
        code_version="1",
        produce=lambda folder: shutil.copytree(dataset, folder, dirs_exist_ok=True),
    )
    return store


def materialize(store: ArtifactStore, steps: int) -> dg.ExecuteInProcessResult:
    resources = {
        "artifact_store": ArtifactStoreResource(root=str(store.root)),
        "training": TrainingResource(steps=steps),
        "gpu": GpuResource(device="cpu"),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }
    with dg.DagsterInstance.get() as instance:
        return dg.materialize(
            [relational_transformer], resources=resources, instance=instance, raise_on_error=False
        )


def events(run_id: str, kind: dg.DagsterEventType) -> list[float]:
    with dg.DagsterInstance.get() as instance:
        records = instance.get_records_for_run(run_id, of_type=kind).records
    return [record.timestamp for record in records]


def test_two_trainings_take_turns(bank_dataset: Path, tmp_path: Path, dagster_home: Path) -> None:
    """Each has a store of its own, so nothing but the pool keeps them apart."""
    stores = [store_with(bank_dataset, tmp_path / name) for name in ("one", "two")]
    with dg.DagsterInstance.get():
        # Makes the tables of the storage, which two at once could not.
        pass
    select = 'key:"training/relational_transformer"'
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "amodels_assets.cli", "run", "--json", "--select", select],
            cwd=ROOT,
            env={
                **os.environ,
                "AMODELS_HOME": str(tmp_path),
                "AMODELS_ARTIFACTS_URL": str(store.root),
                "AMODELS_TRAINING_STEPS": "40",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for store in stores
    ]
    for process in processes:
        printed, said = process.communicate()
        assert process.returncode == 0, printed + said
    with dg.DagsterInstance.get() as instance:
        runs = [run.run_id for run in instance.get_runs()]
        info = instance.event_log_storage.get_concurrency_info(POOL)
    step = "training__relational_transformer"
    spans = sorted((_moment(run, step, "start"), _moment(run, step, "success")) for run in runs)
    assert len(spans) == 2
    assert spans[0][1] <= spans[1][0]
    assert (info.slot_count, info.active_slot_count) == (1, 0)


def _moment(run_id: str, step: str, what: str) -> float:
    kind = dg.DagsterEventType[f"STEP_{what.upper()}"]
    with dg.DagsterInstance.get() as instance:
        records = instance.get_records_for_run(run_id, of_type=kind).records
    (found,) = (r.timestamp for r in records if r.event_log_entry.step_key == step)
    return found


def training_processes() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        # Others end while they are looked at.
        with suppress(psutil.Error):
            if "amodels_assets.training.run" in child.cmdline():
                found.append(child)
    return found


def test_a_training_that_crashes_goes_on_from_its_last_step(
    bank_dataset: Path, tmp_path: Path, dagster_home: Path
) -> None:
    store = store_with(bank_dataset, tmp_path / "store")
    killed = threading.Event()

    def kill_the_first() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            steps = list(store.root.glob(".staging/training--*/steps/[0-9]*"))
            trainings = training_processes() if steps else []
            if trainings:
                trainings[0].send_signal(signal.SIGKILL)
                killed.set()
                return
            threading.Event().wait(0.01)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    result = materialize(store, 16)
    killer.join()
    assert killed.is_set()
    assert result.success
    assert len(events(result.run_id, dg.DagsterEventType.STEP_UP_FOR_RETRY)) == 1
    node = "training__relational_transformer"
    metadata = result.asset_materializations_for_node(node)[0].metadata
    assert int(str(metadata["resumed_from"].value)) > 0
    assert metadata["device"].value == "cpu"


def test_a_refusal_is_not_repeated(tmp_path: Path, dagster_home: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "dataset.json").write_text("{}")
    result = materialize(store_with(empty, tmp_path / "store"), 4)
    assert not result.success
    assert events(result.run_id, dg.DagsterEventType.STEP_UP_FOR_RETRY) == []


def test_the_places_of_a_killed_run_are_free_again(dagster_home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots(POOL, 1)
        run_ids = {name: str(uuid.uuid4()) for name in ("killed", "working")}
        for run_id in run_ids.values():
            instance.create_run_for_job(_job(), run_id=run_id)
        hold = (
            "import os, sys, time; from pathlib import Path;"
            "from amodels_assets.commands.running import alive;"
            "lock = alive(Path(sys.argv[1]), sys.argv[2]); lock.__enter__();"
            "print(1, flush=True); sys.stdin.read()"
        )
        processes = {
            name: subprocess.Popen(
                [sys.executable, "-c", hold, str(dagster_home), run_id],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for name, run_id in run_ids.items()
        }
        for process in processes.values():
            assert process.stdout is not None
            assert process.stdout.readline() == b"1\n"
        assert storage.claim_concurrency_slot(POOL, run_ids["killed"], "step").is_claimed
        assert free_places_of_the_dead(instance) == []
        os.kill(processes["killed"].pid, signal.SIGKILL)
        processes["killed"].wait()
        assert free_places_of_the_dead(instance) == [run_ids["killed"]]
        assert storage.claim_concurrency_slot(POOL, run_ids["working"], "step").is_claimed
        run = instance.get_run_by_id(run_ids["killed"])
        assert run is not None
        assert run.status is dg.DagsterRunStatus.FAILURE
        processes["working"].communicate()


def test_a_run_that_ended_leaves_nothing(dagster_home: Path) -> None:
    with alive(dagster_home, "a run"):
        assert (dagster_home / "running" / "a run").exists()
    assert list((dagster_home / "running").iterdir()) == []


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """Nothing."""

    @dg.job
    def empty() -> None:
        nothing()

    return empty


def test_the_nights_run_has_an_end() -> None:
    from schedules.train_evaluate_release import JOB

    assert json.loads(JOB.tags["dagster/max_runtime"]) > 0
