"""Devices, memory and what they cost. Where there is a GPU the same tests run on it."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import torch

from amodels_assets.settings import from_environment
from amodels_assets.training.device import Device, DeviceError, choose_device, nvml_handle, report
from amodels_assets.training.memory import (
    OutOfMemoryError,
    Portions,
    is_out_of_memory,
    largest_fit,
    peak_memory,
)
from amodels_assets.training.meter import Meter, Usage
from resources.gpu import GpuResource

GPU = Device("cuda:0", "bfloat16")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


class Cuda:
    """Stands for torch.cuda on a machine with two GPUs."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, count: int = 2, *, bf16: bool = True
    ) -> None:
        for name, value in {
            "is_available": lambda: count > 0,
            "device_count": lambda: count,
            "is_bf16_supported": lambda including_emulation: bf16,
            "mem_get_info": lambda number: (30 << 30, 80 << 30),
            "get_device_name": lambda number: f"made up {number}",
            "get_device_properties": lambda number: types.SimpleNamespace(uuid=f"u{number}"),
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)


def test_without_a_gpu_the_cpu_is_taken_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    Cuda(monkeypatch, count=0)
    with pytest.warns(RuntimeWarning, match="no CUDA device: computing on the CPU"):
        assert choose_device() == Device("cpu", "float32")
    assert choose_device("cpu") == Device("cpu", "float32")
    with pytest.raises(DeviceError, match="torch sees no CUDA device"):
        choose_device("cuda")


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    Cuda(monkeypatch)
    assert choose_device() == GPU
    assert choose_device(local_rank=1) == Device("cuda:1", "bfloat16")
    assert choose_device("cuda:1") == Device("cuda:1", "bfloat16")
    assert choose_device("cpu") == Device()
    with pytest.raises(DeviceError, match="this machine has 2 of them"):
        choose_device("cuda:2")
    Cuda(monkeypatch, bf16=False)
    assert choose_device().precision == "float32"


@pytest.mark.parametrize("asked", ["gpu", "cuda:x", "CPU", "cuda:"])
def test_a_device_that_cannot_be_read(asked: str) -> None:
    with pytest.raises(DeviceError, match="give cpu, cuda or cuda:<number>"):
        choose_device(asked)
    with pytest.raises(ValueError, match="AMODELS_DEVICE"):
        from_environment({"AMODELS_DEVICE": asked})


def test_settings_become_the_resource() -> None:
    settings = from_environment({"AMODELS_DEVICE": "cuda:1", "AMODELS_GPU_PRICE_PER_HOUR": "2.5"})
    resource = GpuResource(device=settings.device, price_per_hour=settings.gpu_price_per_hour)
    assert resource.settings() == {"device": "cuda:1", "price_per_hour": 2.5}
    for price in ("-1", "cheap", "nan", "1e3"):
        with pytest.raises(ValueError, match="AMODELS_GPU_PRICE_PER_HOUR"):
            from_environment({"AMODELS_GPU_PRICE_PER_HOUR": price})


def nvml(monkeypatch: pytest.MonkeyPatch, joules: list[float]) -> None:
    """Stands for NVML, which reports the next of some energies each time."""

    class NVMLError(Exception):
        pass

    def energy(handle: str) -> float:
        assert handle == "GPU-u0"
        return joules.pop(0) * 1000

    module: Any = types.ModuleType("pynvml")
    module.NVMLError = NVMLError
    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByUUID = lambda name: name
    module.nvmlDeviceGetTotalEnergyConsumption = energy
    module.nvmlDeviceGetUtilizationRates = lambda handle: types.SimpleNamespace(gpu=87)
    monkeypatch.setitem(sys.modules, "pynvml", module)


def test_a_report_with_and_without_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    own = report(Device())
    assert own.device == "cpu"
    assert own.memory_bytes is not None
    assert own.memory_bytes > (own.free_bytes or 0) > 0
    Cuda(monkeypatch)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml_handle(GPU) is None
    found = report(GPU)
    assert (found.model, found.free_bytes) == ("made up 0", 30 << 30)
    assert found.utilisation_percent is None
    nvml(monkeypatch, [])
    assert report(GPU).utilisation_percent == 87


def test_seconds_energy_and_cost_go_on_from_attempts_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Cuda(monkeypatch)
    nvml(monkeypatch, [1_000.0, 1_600.0])
    clock = iter([50.0, 1_850.0])
    # The module's own name only: other threads tell the time too.
    told = types.SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("amodels_assets.training.meter.time", told)
    meter = Meter(GPU, price_per_hour=4.0, devices=2)
    meter.add(Usage(gpu_seconds=3_600.0, energy_joules=100.0, cost=4.0))
    assert meter.read() == Usage(gpu_seconds=7_200.0, energy_joules=1_300.0, cost=8.0)


def test_the_cpu_costs_nothing_so_that_runs_leave_the_same_bytes() -> None:
    assert Meter(Device(), price_per_hour=4.0).read() == Usage(0.0, None, None)


def test_the_largest_batch_that_fits() -> None:
    # 100 bytes whatever the batch, 10 for each context; 85 % of what is free may be used.
    def peak(contexts: int) -> int:
        return 100 + 10 * contexts

    assert largest_fit(peak, 64, 10_000) == 64
    assert largest_fit(peak, 64, 500) == 32
    assert largest_fit(peak, 64, 150) == 2
    assert largest_fit(peak, 64, 1) == 1
    assert largest_fit(peak, 1, 10_000) == 1
    assert largest_fit(lambda contexts: 0, 48, 1) == 48


def test_portions_halve_until_the_work_fits() -> None:
    tried = []

    def work(size: int) -> str:
        tried.append(size)
        if size > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"

    portions = Portions(20, Device())
    assert portions.attempt(work) == "done"
    assert tried == [20, 10, 5, 3]
    assert portions.attempt(work) == "done"
    assert tried[4:] == [3], "what was found is kept"


def test_running_out_of_memory_is_told_from_defects() -> None:
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("sizes do not match"))
    with pytest.raises(OutOfMemoryError):
        Portions(1, Device()).attempt(lambda size: torch.empty(1 << 60))


@gpu
def test_peak_memory_of_a_gpu() -> None:
    found = peak_memory(GPU, lambda: torch.empty(1 << 20, device="cuda:0"))
    assert found >= 4 << 20
