"""Publishes the ledger to the artifact store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import Artifact, ArtifactStore, digest
from amodels_assets.privacy.ledger import candidate_entries, released_entries, totals
from amodels_assets.privacy.names import LEDGER, LEDGER_FILE


def ledger_content(store: ArtifactStore) -> dict[str, Any]:
    """The ledger as JSON-serialisable data: releases, the candidate, and totals with and without.

    Raises:
        ArtifactError: A release or a checkpoint is damaged.
    """
    released, candidate = released_entries(store), candidate_entries(store)
    return {
        "released": [entry.to_json() for entry in released],
        "candidate": [entry.to_json() for entry in candidate],
        "totals": [total.to_json() for total in totals(released)],
        "totals_with_candidate": [total.to_json() for total in totals([*released, *candidate])],
    }


def publish_ledger(store: ArtifactStore, *, code_version: str) -> Artifact:
    """Publish ``privacy/ledger``.

    Raises:
        ArtifactError: Something that it reads is damaged.
    """
    content = ledger_content(store)
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"

    def produce(folder: Path) -> None:
        (folder / LEDGER_FILE).write_text(text, encoding="utf-8")

    versions = {
        f"{entry['checkpoint']}@{entry['version'][:12]}": entry["version"]
        for entry in (*content["released"], *content["candidate"])
    }
    return store.publish(
        LEDGER,
        inputs=versions,
        code_version=code_version,
        # Which of them is released is no version of anything.
        config={"content": digest(content)},
        libraries=("opacus",),
        produce=produce,
    )
