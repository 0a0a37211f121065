"""What all releases together promise of each source.

Belongs here: reading which checkpoints were released, and adding up. Does not belong here: what is
refused for it (``checks.py``, the release gate) and Dagster.

Whoever has two checkpoints of the same source knows more than whoever has one: their ε add up. A
checkpoint that was trained without differential privacy promises nothing, so its source has no
bound any more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore
from amodels_assets.privacy.accounting import epsilon
from amodels_assets.privacy.names import (
    CHECKPOINTS,
    LEDGER,
    LEDGER_FILE,
    MODEL_INPUTS,
    RELEASES,
)
from amodels_assets.privacy.statement import PrivacyError, PrivacyStatement


@dataclass(frozen=True)
class Entry:
    """A checkpoint and what it promises of one source.

    Attributes:
        release: Name under which it was released; empty for one that was not.
        checkpoint: Its artifact.
        version: Of the checkpoint.
        source: Artifact whose rows were trained on.
        statement: None for no promise.
    """

    release: str
    checkpoint: str
    version: str
    source: str
    statement: PrivacyStatement | None

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        stated = self.statement.to_json() if self.statement else None
        return {**asdict(self), "statement": stated}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Entry:
        """Out of :meth:`to_json`'s data."""
        fields: dict[str, Any] = dict(raw)
        stated = fields.pop("statement")
        return cls(**fields, statement=PrivacyStatement.from_json(stated) if stated else None)


@dataclass(frozen=True)
class Total:
    """What all entries of a source promise together.

    Attributes:
        source: The artifact.
        unit: What it is for: the smallest unit of any of the entries.
        epsilon: Of all; infinite without a bound.
        delta: Sum of theirs.
        how: ``prv`` or ``rdp`` where the steps were composed by an accountant, ``sum`` for the sum
            of the ε, ``unbounded``.
        releases: How many there are.
    """

    source: str
    unit: str
    epsilon: float
    delta: float
    how: str
    releases: int

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data; without a bound ε is null."""
        bound = self.epsilon if math.isfinite(self.epsilon) else None
        return {**asdict(self), "epsilon": bound}


def totals(entries: Iterable[Entry]) -> list[Total]:
    """Sums by source, sorted by its name; a checkpoint counts once, however often it is named."""
    by_source: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        by_source.setdefault(entry.source, {})[entry.version] = entry
    return [_total(source, list(found.values())) for source, found in sorted(by_source.items())]


def _total(source: str, entries: Sequence[Entry]) -> Total:
    stated = [e.statement for e in entries if e.statement is not None and e.statement.holds]
    if len(stated) < len(entries):
        return Total(source, "none", math.inf, 1.0, "unbounded", len(entries))
    # A guarantee for all of a table's sequences is one for each of them.
    units = {statement.unit for statement in stated}
    unit = "sequence" if "sequence" in units else "source_table"
    delta = sum(statement.delta for statement in stated)
    found, how = sum(statement.epsilon for statement in stated), "sum"
    if len(stated) > 1:
        for accountant in ("prv", "rdp"):
            try:
                composed = epsilon([s.mechanism for s in stated], delta, accountant)
            except PrivacyError:
                # It has no answer for so little noise; the sum is a bound all the same.
                continue
            if composed < found:
                found, how = composed, accountant
                break
    elif stated:
        how = stated[0].accountant
    return Total(source, unit, found, min(1.0, delta), how, len(entries))


def released_entries(store: ArtifactStore) -> list[Entry]:
    """Of every checkpoint that was ever released, also of those whose files are gone.

    The published ledger remembers what the store may have forgotten.
    """
    found = [entry for name in RELEASES for release in store.versions(name)
             for entry in _of_release(release)]  # fmt: skip
    known = {(entry.version, entry.source) for entry in found}
    ledger = store.find(LEDGER)
    if ledger is not None:
        raw = json.loads(ledger.verified_file(LEDGER_FILE).read_text(encoding="utf-8"))
        remembered = [Entry.from_json(entry) for entry in raw["released"]]
        found += [entry for entry in remembered if (entry.version, entry.source) not in known]
    return sorted(found, key=lambda entry: (entry.source, entry.release, entry.version))


def candidate_entries(store: ArtifactStore) -> list[Entry]:
    """Of the newest checkpoint of a language model: the one that the gate judges next."""
    found = [artifact for name in CHECKPOINTS if (artifact := store.find(name)) is not None]
    if not found:
        return []
    return entries_of(max(found, key=lambda artifact: artifact.manifest.created_at))


def entries_of(checkpoint: Artifact, release: str = "") -> list[Entry]:
    """One for each source of a checkpoint.

    Args:
        checkpoint: Its artifact.
        release: Name under which it was released.

    Raises:
        ArtifactError: It is damaged.
        PrivacyError: Its statement cannot be read.
    """
    manifest = json.loads(checkpoint.verified_file("config.json").read_text(encoding="utf-8"))
    return _entries(
        release,
        checkpoint.manifest.artifact,
        checkpoint.data_version,
        sources=[name for name in checkpoint.manifest.inputs if not _is_model(name)],
        stated=manifest.get("privacy"),
    )


def beyond_budget(
    released: Sequence[Entry], candidate: Sequence[Entry], budget: float
) -> list[str]:
    """Why a budget forbids a candidate, a sentence a source; empty where it is kept.

    Sources that the candidate was not trained on are no reason to refuse it.

    Args:
        released: All that is out already.
        candidate: What is to be released next.
        budget: Largest ε of a source over all releases.
    """
    sources = {entry.source for entry in candidate}
    found = []
    for total in totals([*released, *candidate]):
        if total.source not in sources or total.epsilon <= budget:
            continue
        shown = f"{total.epsilon:.3f}" if math.isfinite(total.epsilon) else "no bound"
        found.append(
            f"{total.source} would have {shown} over {total.releases} releases, and the budget is "
            f"{budget:g}: train with less, take a larger budget, or retire the source"
        )
    return found


def _of_release(release: Artifact) -> list[Entry]:
    manifest = json.loads(release.verified_file("release.json").read_text(encoding="utf-8"))
    checkpoint = manifest["checkpoint"]
    stated = manifest.get("privacy")
    return _entries(
        manifest["release"],
        checkpoint["artifact"],
        checkpoint["data_version"],
        sources=[manifest["dataset"]["artifact"]],
        stated=stated,
    )


def _entries(
    release: str,
    artifact: str,
    version: str,
    *,
    sources: Sequence[str],
    stated: dict[str, Any] | None,
) -> list[Entry]:
    statement = PrivacyStatement.from_json(stated) if stated else None
    return [
        Entry(
            release,
            artifact,
            version,
            source,
            # A promise is for the source that it names, and for no other.
            statement if statement is not None and statement.source == source else None,
        )
        for source in sources
    ]


def _is_model(name: str) -> bool:
    return name.startswith(MODEL_INPUTS)
