"""A sample is whole, the same again, and never in the place of something else."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amodels_assets.sample import SampleError, source, write_sample

SAMPLE = Path(__file__).parents[2] / "data" / "sgmi"
# Over the relative path and the SHA-256 of every file of data/sgmi, sorted by path.
DIGEST = "43aaba1b6ec1c0e3153301dcacb3be743d89e10d58492a560b6b6a38fb2d1528"
LARGEST_BYTES = 5_000_000


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def digest(files: dict[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_seed_7_and_scale_1_give_exactly_the_committed_sample(tmp_path: Path) -> None:
    steps: list[str] = []
    summary = write_sample(tmp_path / "made", seed=7, scale=1, progress=steps.append)
    made, committed = contents(tmp_path / "made"), contents(SAMPLE)
    assert sorted(made) == sorted(committed)
    assert [path for path in made if made[path] != committed[path]] == []
    assert digest(committed) == DIGEST
    assert steps
    assert summary.files == len(made)
    assert summary.bytes == sum(map(len, made.values())) < LARGEST_BYTES
    assert summary.counts == {
        "databases": 3,
        "tables": 60,
        "views": 20,
        "columns": summary.counts["columns"],
        "jobs": 50,
        "defects": 0,
    }
    truth = json.loads(made["ground_truth/truth.json"])
    assert truth["best_possible_auroc"] == summary.best_possible_auroc
    assert truth["rows"] == summary.rows


@pytest.mark.parametrize("defects", [False, True])
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    tmp_path: Path, defects: bool
) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_sample(tmp_path / name, seed=seed, scale=0.1, defects=defects)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["rows/sgmisit/client.csv"] != c["rows/sgmisit/client.csv"]
    assert a["ground_truth/columns.json"] != c["ground_truth/columns.json"]


def test_counts_and_bytes_grow_with_the_scale(tmp_path: Path) -> None:
    one = write_sample(tmp_path / "one", scale=1)
    three = write_sample(tmp_path / "three", scale=3)
    for name in ("tables", "views", "jobs"):
        assert three.counts[name] == 3 * one.counts[name]
    assert three.counts["columns"] == pytest.approx(3 * one.counts["columns"], rel=0.15)
    assert three.bytes == pytest.approx(3 * one.bytes, rel=0.15)


def test_a_sample_replaces_a_sample_and_an_empty_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_sample(out, seed=1, scale=0.05)
    first = contents(out)
    write_sample(out, seed=2, scale=0.05)
    write_sample(tmp_path / "other", seed=2, scale=0.05)
    assert first != contents(out) == contents(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "out"]


@pytest.mark.parametrize("truth", [None, "{", "[]", '{"generator": "another"}'])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, truth: str | None) -> None:
    out = tmp_path / "out"
    (out / "ground_truth").mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    if truth is not None:
        (out / "ground_truth/truth.json").write_text(truth)
    before = contents(out)
    with pytest.raises(SampleError, match="not empty"):
        write_sample(out, scale=0.05)
    assert contents(out) == before


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SampleError, match="is a file"):
        write_sample(tmp_path / "out", scale=0.05)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_path_below_a_file_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SampleError, match="cannot write the sample to"):
        write_sample(tmp_path / "file" / "out", scale=0.05)


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.049, float("nan"), float("inf")])
def test_a_scale_without_sense_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(SampleError, match="scale must be at least"):
        write_sample(tmp_path / "out", scale=scale)
    assert not list(tmp_path.iterdir())


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="seed must not be negative"):
        write_sample(tmp_path / "out", seed=-1)


def test_a_failure_on_the_way_leaves_the_old_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "out", seed=1, scale=0.05)
    before = contents(tmp_path / "out")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("on the way")

    monkeypatch.setattr(source, "render_scripts", fail)
    with pytest.raises(RuntimeError, match="on the way"):
        write_sample(tmp_path / "out", seed=2, scale=0.05)
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    monkeypatch.undo()
    # What a killed attempt left behind is in nobody's way.
    (tmp_path / ".out.partial" / "rows").mkdir(parents=True)
    write_sample(tmp_path / "out", seed=2, scale=0.05)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("step", ["rows", "warehouse"])
def test_a_kill_leaves_the_old_sample_whole_and_the_next_run_unhindered(
    tmp_path: Path, step: str
) -> None:
    out = tmp_path / "out"
    write_sample(out, seed=1, scale=0.05)
    before = contents(out)
    # Large enough that the kill comes long before the end.
    program = (
        "import sys; from pathlib import Path; from amodels_assets.sample import write_sample; "
        "say = lambda text: print(text, flush=True); "
        "write_sample(Path(sys.argv[1]), seed=2, scale=8, progress=say)"
    )
    command = [sys.executable, "-c", program, str(out)]
    environment = {**os.environ, "PYTHONPATH": str(SAMPLE.parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert step in (line.strip() for line in process.stdout)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert contents(out) == before
    write_sample(out, seed=3, scale=0.05)
    write_sample(tmp_path / "undisturbed", seed=3, scale=0.05)
    assert contents(out) == contents(tmp_path / "undisturbed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "undisturbed"]
