"""The figures of a run as JSON lines, written while it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from amodels_assets.artifacts import write_atomically


class MetricsFile:
    """One JSON object a line; whoever reads along sees whole lines only at the end of a write."""

    def __init__(self, path: Path, lines: Sequence[Mapping[str, float | int]]) -> None:
        """Begin with the lines of the step that the run goes on from; later ones are gone."""
        self._path = path
        self._written = len(lines)
        write_atomically(path, _text(lines))

    def extend(self, lines: Sequence[Mapping[str, float | int]]) -> None:
        """Append what came since.

        Args:
            lines: All lines of the run.
        """
        new = lines[self._written :]
        if new:
            with self._path.open("ab") as handle:
                handle.write(_text(new))
            self._written = len(lines)


def _text(lines: Sequence[Mapping[str, float | int]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
