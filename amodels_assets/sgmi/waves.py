"""Which views can be followed at the same time.

Belongs here: order by what bodies may name. Does not belong here: parsing them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

ObjectName = tuple[str, str]
_WORD = re.compile(r"\w+")


def waves(bodies: Mapping[ObjectName, str]) -> Iterator[list[ObjectName]]:
    """Views in groups, each reading only views of earlier groups.

    A view counts as read where its name stands in the body at all. Views that would have to wait
    for themselves are left out.
    """
    named: dict[str, list[ObjectName]] = {}
    for key in bodies:
        named.setdefault(key[1], []).append(key)
    waiting: dict[ObjectName, set[ObjectName]] = {}
    for key, body in bodies.items():
        waiting[key] = {other for word in _words(body) for other in named.get(word, ())}
        waiting[key].discard(key)
    done: set[ObjectName] = set()
    while wave := [key for key, needed in waiting.items() if needed <= done]:
        yield wave
        done.update(wave)
        for key in wave:
            del waiting[key]


def _words(body: str) -> set[str]:
    """Every name that may stand in a text, lower-cased, and more: a hundredth of the parse."""
    pieces = set(body.lower().split("`"))
    names = {piece for piece in pieces if piece.isidentifier()}
    for piece in pieces - names:
        names.update(_WORD.findall(piece))
        # A name in backticks may hold anything.
        names.add(piece)
    return names
