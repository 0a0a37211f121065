"""Invented names: regions and the vocabulary of the warehouse.

Belongs here: words. None of them names a real place, company, person or host.
"""

from __future__ import annotations

_FIRST = ("Nor", "Val", "Est", "Mar", "Kel", "Tor", "Bran", "Sil", "Dun", "Aven", "Cor", "Hal")
_SECOND = ("dale", "mark", "wick", "holm", "ford", "mere", "stead", "moor", "haven", "fell")


def region_names(count: int) -> list[str]:
    """Distinct names of made-up regions, always the same ones."""
    names: list[str] = []
    for number in range(count):
        second, first = divmod(number * 7, len(_FIRST))
        name = f"{_FIRST[first]}{_SECOND[(second + number) % len(_SECOND)]}"
        names.append(name if name not in names else f"{name} {number}")
    return names
