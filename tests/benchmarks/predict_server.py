"""What predictions cost through ``amodels predict-server``, beside computing them in this process.

The rows of the test split are asked in batches of each size, by HTTP and directly, in turn. CPU
seconds are those of the process that computes, so they hold on a busy machine too; milliseconds are
as a client sees them. Needs a release: ``amodels run`` first. Prints a Markdown table.

Example:
    python tests/benchmarks/predict_server.py --home var --pairs 5
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from amodels_assets.artifacts import ArtifactStore  # noqa: E402
from amodels_assets.serving.predictions import predict_rows  # noqa: E402
from amodels_assets.serving.released import open_released  # noqa: E402
from amodels_assets.serving.row_keys import read_rows  # noqa: E402
from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT  # noqa: E402

BATCHES = (1, 8, 64, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--home", type=Path, default=ROOT / "var", help="AMODELS_HOME")
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured")
    parser.add_argument("--rows", type=int, default=512, help="rows of a measurement")
    options = parser.parse_args()
    # As the server has it, before torch is loaded: threads that spin would be measured otherwise.
    os.environ.update(PROCESS_ENVIRONMENT)
    env = {**os.environ, "AMODELS_HOME": str(options.home), "AMODELS_DEVICE": "cpu"}
    command = [sys.executable, "-m", "amodels_assets.cli", "predict-server", "--port", "0"]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        print(f"{said.strip()}; ready after {time.monotonic() - started:.1f} s\n")
        measure(options, int(said.rpartition(":")[2].partition("/")[0]), process)
        memory = psutil.Process(process.pid).memory_info().rss
        print(f"\nresident memory of the server: {memory / 1e6:.0f} MB")
    finally:
        process.terminate()
        process.wait(60)


def measure(options: argparse.Namespace, port: int, process: subprocess.Popen[str]) -> None:
    store = ArtifactStore(options.home / "artifacts")
    released = open_released(store, device="cpu")
    task = released.predictor.material.dataset.tasks["test"]
    columns = [released.form.entity_column, released.form.cutoff_column]
    keys = json.loads(json.dumps(task.select(columns).to_pylist(), default=str))
    path = f"/predict/{released.predictor.material.dataset.spec.name}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def through_http(body: bytes) -> Any:
        connection.request("POST", path, body)
        return json.loads(connection.getresponse().read())["predictions"]

    def anew(body: bytes) -> Any:
        # The server closes a connection on which nothing was asked for five seconds.
        connection.close()
        return through_http(body)

    def directly(body: bytes) -> Any:
        return predict_rows(released.predictor, released.form, read_rows(body, released.form, 256))

    def served(bodies: list[bytes]) -> tuple[float, float]:
        anew(bodies[0])
        return cost(server, through_http, bodies)

    server, own = psutil.Process(process.pid), psutil.Process()
    print("| rows a request | milliseconds a request | rows a CPU second | directly | ratio |")
    print("|---|---|---|---|---|")
    for size in BATCHES:
        # Single rows cost most: fewer of them are enough.
        number = max(size, options.rows if size >= 8 else options.rows // 8)
        wanted = (keys * (1 + number // len(keys)))[:number]
        bodies = [
            json.dumps({"rows": wanted[n : n + size]}).encode()
            for n in range(0, len(wanted) - size + 1, size)
        ]
        assert anew(bodies[0]) == directly(bodies[0])
        pairs = [(served(bodies), cost(own, directly, bodies)) for _ in range(options.pairs)]
        rows = size * len(bodies)
        http_rate = rows / median(cpu for (cpu, _), _ in pairs)
        own_rate = rows / median(cpu for _, (cpu, _) in pairs)
        ratio = median(direct / cpu for (cpu, _), (direct, _) in pairs)
        seen = 1_000 * median(wall for (_, wall), _ in pairs) / len(bodies)
        print(f"| {size} | {seen:.1f} | {http_rate:.0f} | {own_rate:.0f} | {ratio:.2f} |")


def cost(
    process: psutil.Process, ask: Callable[[bytes], Any], bodies: list[bytes]
) -> tuple[float, float]:
    """CPU seconds of a process and seconds of the clock that all bodies take."""
    before, started = sum(process.cpu_times()[:2]), time.perf_counter()
    for body in bodies:
        ask(body)
    return sum(process.cpu_times()[:2]) - before, time.perf_counter() - started


if __name__ == "__main__":
    main()
