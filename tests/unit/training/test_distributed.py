"""Two processes, started by torchrun and joined by gloo, train as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from amodels_assets.training.checkpoint import read_checkpoint
from amodels_assets.training.device import Device
from amodels_assets.training.distributed import Ranks, ranks_of
from amodels_assets.training.execution import Execution
from amodels_assets.training.loop import Loop
from amodels_assets.training.material import load_material
from amodels_assets.training.meter import Meter
from amodels_assets.training.train import FineTuning, train

from .trained import OPTIONS, ROOT, TINY, silent

# Every process draws what it drops on its own: with dropout two are not one.
WHOLE = {"model.dropout": 0.0}

# Each process has half of the batch; the second one runs out of memory with more than two contexts.
TOGETHER = """
import json, sys
from pathlib import Path
import torch
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.distributed import joined, ranks_of
from amodels_assets.training.loop import Loop
from amodels_assets.training.material import load_material
from amodels_assets.training.meter import Meter
from amodels_assets.training.train import FineTuning

folder, out, raw = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
config, device, ranks = TrainingConfig.from_json(raw), Device(), ranks_of()
torch.set_num_threads(1)

def refuse(module, given):
    if ranks.rank == 1 and len(given[0].targets.tokens) > 2:
        raise torch.OutOfMemoryError("CUDA out of memory")

with joined(ranks, "cpu"):
    work = FineTuning(load_material(folder, config), config, device)
    work.model.register_forward_pre_hook(refuse)
    loop = Loop(work, device, ranks, Meter(device))
    loss = loop.gradients(next(iter(work.orders(0))))
    found = {n: p.grad for n, p in work.model.named_parameters() if p.grad is not None}
    torch.save({"loss": loss, "gradients": found}, out / f"{ranks.rank}.pt")
"""


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes on the loopback interface."""
    return subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            *arguments,
        ],
        cwd=ROOT,
        env={
            "PATH": str(Path(sys.executable).parent),
            "PYTHONPATH": str(ROOT),
            "AMODELS_DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip


def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(
    bank_dataset: Path, tmp_path: Path
) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    config = TINY.changed({"batch_size": 14, **WHOLE})
    done = torchrun(str(script), str(bank_dataset), str(tmp_path), json.dumps(config.to_json()))
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    alone = FineTuning(load_material(bank_dataset, config), config, Device())
    loss = Loop(alone, Device(), Ranks(), Meter(Device())).gradients(next(iter(alone.orders(0))))
    own = {n: p.grad for n, p in alone.model.named_parameters() if p.grad is not None}
    assert first["loss"] == second["loss"] == pytest.approx(loss, abs=1e-6)
    assert first["gradients"].keys() == own.keys()
    for name, gradient in own.items():
        assert (first["gradients"][name] == second["gradients"][name]).all()
        torch.testing.assert_close(first["gradients"][name], gradient, atol=1e-6, rtol=0)


def test_torchrun_trains_to_the_checkpoint_of_one_process(
    bank_dataset: Path, tmp_path: Path
) -> None:
    options = [*OPTIONS, "--steps", "12", "--set", "patience=99", "--json"]
    options += [word for name, value in WHOLE.items() for word in ("--set", f"{name}={value}")]
    done = torchrun(
        "-m", "amodels_assets.cli", "train", "finetune", str(bank_dataset),
        str(tmp_path / "two"), *options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 12
    often = {"evaluate_every": 1, "checkpoint_every": 1, "patience": 99}
    config = TINY.changed({"steps": 12, "warmup": 1, **often, **WHOLE})
    train(bank_dataset, tmp_path / "one", config, silent, Execution("cpu"))
    one, two = (read_checkpoint(tmp_path / name).tensors for name in ("one", "two"))
    for name, tensor in one.items():
        assert two[name] == pytest.approx(tensor, abs=1e-3)


def test_shares_are_everything_once() -> None:
    for count in (0, 1, 5, 16):
        for size in (1, 2, 3):
            shares = [Ranks(rank, size).share(count) for rank in range(size)]
            assert [n for s in shares for n in range(count)[s]] == list(range(count))
            lengths = [s.stop - s.start for s in shares]
            assert max(lengths) - min(lengths) <= 1


def test_a_process_knows_its_place() -> None:
    assert ranks_of({}) == Ranks(0, 1, 0)
    given = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}
    assert ranks_of(given) == Ranks(5, 8, 1)
