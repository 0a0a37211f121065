"""What the gateway costs, beside asking the server behind it directly, in one run.

A stand-in that answers at once is asked directly, through a relay that only copies bytes, and
through the gateway, in turn. The relay shows what another process in between costs on the machine
whatever it does. Prints Markdown tables; figures are medians of the rounds, ratios and differences
the medians of the rounds' own. CPU seconds are those of the gateway's process, so they say what one
core can do also where the machine has other work.

Example:
    python tests/benchmarks/gateway.py --json gateway.json
    python tests/benchmarks/gateway.py --pairs 1 --number 500
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from serving.gateway.keys import KeyStore  # noqa: E402
from serving.gateway.upstreams import UpstreamFile  # noqa: E402
from tests.benchmarks.gateway_load import Measured, hold_open, load, request  # noqa: E402

Json = dict[str, Any]
SMALL = b'{"model":"r-1","prompt":"at once"}'
STREAM = b'{"model":"r-1","prompt":"at once","stream":true}'
HELD = b'{"model":"r-1","prompt":"hold","stream":true}'
WORKING = b'{"model":"r-1","prompt":"wait=100"}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--number", type=int, default=2_000, help="requests of a measurement")
    parser.add_argument("--streams", type=int, default=1_000, help="streams held open")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as run:
        figures: Json = {"machine": machine()}
        run.warm()
        figures["requests a CPU second"] = run.cpu(options.pairs, options.number)
        figures["added latency"] = run.latency(options.pairs, options.number // 4)
        figures["throughput"] = run.throughput(options.pairs)
        figures["open streams"] = run.open_streams(options.streams)
    for title, found in figures.items():
        print_table(title, found)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


class Run:
    """The servers, and what is measured on them."""

    def __init__(self, ports: dict[str, int], process: psutil.Process, key: str) -> None:
        self.ports, self.process, self.key = ports, process, key
        self.through = ports["gateway"]

    def warm(self) -> None:
        """Let everything be loaded and every connection made."""
        for port in self.ports.values():
            for body in (SMALL, STREAM):
                load(port, request(self.key, body), 16, 800)

    def cpu(self, pairs: int, number: int) -> Json:
        """What one core can do."""
        rows: Json = {}
        for title, body in (("small answers", SMALL), ("streams of four events", STREAM)):
            for connections in (1, 8, 64):
                found = []
                for _ in range(pairs):
                    before = self._cpu_seconds()
                    load(self.through, request(self.key, body), connections, number)
                    found.append(
                        number // connections * connections / (self._cpu_seconds() - before)
                    )
                rows[f"{title}, {connections} at once"] = {"gateway": round(median(found))}
        return rows

    def latency(self, pairs: int, number: int) -> Json:
        """What a request waits longer, while the gateway has time."""
        rows: Json = {}
        measures: list[tuple[str, bytes, Callable[[Measured], float]]] = [
            ("median", SMALL, lambda m: m.latency(0.5)),
            ("99th percentile", SMALL, lambda m: m.latency(0.99)),
            ("first byte of a stream, median", STREAM, lambda m: m.first_byte(0.5)),
            ("first byte of a stream, 99th percentile", STREAM, lambda m: m.first_byte(0.99)),
        ]
        for body in (SMALL, STREAM):
            content = request(self.key, body)
            rounds = self._in_turn(
                pairs, lambda port, asked=content: load(port, asked, 4, number, pause=0.01)
            )
            for title, of, measure in measures:
                if of == body:
                    rows[f"{title}, ms"] = _differences(rounds, measure)
        return rows

    def throughput(self, pairs: int) -> Json:
        """Answers a second of a server that takes 100 ms for each."""
        rows: Json = {}
        content = request(self.key, WORKING)
        for connections in (1, 8, 64):
            number = connections * 40
            rounds = self._in_turn(
                pairs, lambda port, many=connections, of=number: load(port, content, many, of)
            )
            figures = {
                name: round(median(r[name].throughput for r in rounds), 1) for name in self.ports
            }
            ratios = {
                f"{name}, ratio": round(
                    median(r[name].throughput / r["direct"].throughput for r in rounds), 3
                )
                for name in ("relay", "gateway")
            }
            rows[f"{connections} at once"] = figures | ratios
        return rows

    def _in_turn(
        self, rounds: int, measure: Callable[[int], Measured]
    ) -> list[dict[str, Measured]]:
        return [{name: measure(port) for name, port in self.ports.items()} for _ in range(rounds)]

    def open_streams(self, number: int) -> Json:
        """Memory with so many streams open."""
        before = self.process.memory_info().rss

        async def hold() -> int:
            clients = await hold_open(self.through, request(self.key, HELD), number)
            held = self.process.memory_info().rss
            for client in clients:
                client.done.cancel()
                client.transport.abort()
            return held

        held = uvloop.run(hold())
        return {
            f"{number} streams": {
                "MB before": round(before / 1e6),
                "MB": round(held / 1e6),
                "kB a stream": round((held - before) / number / 1e3, 1),
            }
        }

    def _cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


@contextmanager
def servers(folder: Path) -> Iterator[Run]:
    """The stand-in and the gateway, in processes of their own."""
    home = folder / "gateway"
    ports = {name: free_port() for name in ("direct", "relay", "gateway")}
    _, key = KeyStore(home / "keys.json").create("benchmark", ["infer"])
    upstreams = UpstreamFile(home / "upstreams.json")
    upstreams.put("stand-in", f"http://127.0.0.1:{ports['direct']}", "r-1", "ready", ["released"])
    environment = {**os.environ, "AMODELS_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    environment.pop("AMODELS_REDIS_URL", None)
    other = str(Path(__file__).with_name("gateway_load.py"))
    commands = [
        [other, str(ports["direct"])],
        [other, str(ports["relay"]), str(ports["direct"])],
        ["-m", "serving.command", "serve", "--port", str(ports["gateway"])],
    ]
    started = [subprocess.Popen([sys.executable, *c], env=environment, cwd=ROOT) for c in commands]
    try:
        for port in ports.values():
            wait_for(port)
        yield Run(ports, psutil.Process(started[2].pid), key)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(40)


def _differences(rounds: list[dict[str, Measured]], of: Callable[[Measured], float]) -> Json:
    figures = {name: round(median(of(r[name]) for r in rounds), 2) for name in rounds[0]}
    added = {
        f"{name} adds": round(median(of(r[name]) - of(r["direct"]) for r in rounds), 2)
        for name in ("relay", "gateway")
    }
    return figures | added


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def machine() -> Json:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": {"": models[0] if models else platform.machine()},
        "cores": {"": len(os.sched_getaffinity(0))},
        "load before": {"": round(os.getloadavg()[0], 1)},
        "Python": {"": platform.python_version()},
        **{name: {"": version(name)} for name in ("uvicorn", "httptools", "uvloop")},
    }


def print_table(title: str, rows: Json) -> None:
    columns = list(next(iter(rows.values())))
    print(f"\n## {title}\n\n| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(str(row[c]) for c in columns)} |")


if __name__ == "__main__":
    main()
