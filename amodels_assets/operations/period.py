"""Lengths of time as people write them: ``30m``, ``24h``, ``7d``, ``4w``. Nothing else."""

from __future__ import annotations

import re

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_MOST = 100 * 366 * 86400.0


def parse_period(text: str) -> float:
    """Seconds of a length of time.

    Raises:
        ValueError: It is none, or longer than a century.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([mhdw])", text, re.ASCII)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= _MOST:
        raise ValueError(f"{text!r} is no length of time: give 30m, 24h, 7d or 4w say")
    return seconds


def show_period(seconds: float) -> str:
    """The shortest way to write one."""
    for unit in ("w", "d", "h"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds / _UNITS['m']:g}m"
