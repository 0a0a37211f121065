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


SUBJECTS = (
    "client",
    "contract",
    "facility",
    "collateral",
    "limit",
    "payment",
    "rating",
    "exposure",
    "provision",
    "branch",
    "product",
    "position",
    "schedule",
    "covenant",
    "guarantor",
    "account",
    "segment",
    "balance",
    "currency",
    "review",
)
FACETS = ("master", "detail", "history", "daily", "monthly", "event", "link", "snapshot", "map")
STRING_WORDS = (
    "code",
    "name",
    "status",
    "type",
    "class",
    "owner",
    "source",
    "flag",
    "reason",
    "channel",
    "group",
    "category",
    "reference",
    "label",
)
NUMBER_WORDS = ("amount", "balance", "rate", "share", "weight", "score", "value", "fee", "total")
DATE_WORDS = ("start", "end", "review", "due", "booking", "closing", "valuation")
COMMENTS = (
    "as delivered by the source",
    "in units of the reporting currency",
    "key; see the CREATE note of the owner",
    "the client\\'s own value",
    "from 2019 on",
    "not used since the migration -- kept for audits",
    "share between 0 and 1",
    "yyyy-MM-dd; empty where open",
)
APPLICATIONS = ("SGMI_LOAD", "SGMI_TRANSFORM", "SGMI_PRESENT", "SGMI_CONTROL")
