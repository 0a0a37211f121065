"""What the sides of a benchmark tell about themselves. Not a peer; imports nothing but Python."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def memory() -> dict[str, float]:
    """Peak of this process in megabytes, and how much of its memory now are pages of files."""
    status = Path("/proc/self/status").read_text()

    def megabytes(name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+)", status)
        if found is None:
            raise RuntimeError(f"/proc/self/status does not say {name}: run this on Linux")
        return int(found.group(1)) / 1024

    return {"peak_megabytes": megabytes("VmHWM"), "file_megabytes": megabytes("RssFile")}


def answer_lines(answer: Callable[[str], dict[str, Any]]) -> None:
    """One JSON object on standard output for each line of standard input."""
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)
