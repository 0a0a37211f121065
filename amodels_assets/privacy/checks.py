"""Checks on private models and on the ledger."""

import dagster as dg

from amodels_assets.privacy.names import LEDGER, PRIVATE_LANGUAGE_MODEL
from amodels_assets.quality.factory import opened, verdict
from amodels_assets.settings import from_environment
from resources.artifact_store import ArtifactStoreResource


@dg.asset_check(
    asset=dg.AssetKey(LEDGER.split("/")),
    name="privacy_budget_kept",
    description="No source of the newest checkpoint has more epsilon than AMODELS_PRIVACY_BUDGET "
    "over all releases, this one counted in.",
    blocking=True,
)
def privacy_budget_kept(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Add up the ledger's entries again and compare with the budget."""
    import json

    from amodels_assets.privacy.ledger import Entry, beyond_budget
    from amodels_assets.privacy.names import LEDGER_FILE

    store, artifact = opened(artifact_store, LEDGER)
    raw = json.loads(artifact.verified_file(LEDGER_FILE).read_text(encoding="utf-8"))
    budget = from_environment().privacy_budget
    released, candidate = (
        [Entry.from_json(entry) for entry in raw[part]] for part in ("released", "candidate")
    )
    problems = [] if budget is None else beyond_budget(released, candidate, budget)
    kept = (
        "no budget is set" if budget is None else f"every source of the newest is within {budget:g}"
    )
    return verdict(
        store,
        artifact,
        "privacy_budget_kept",
        passed=not problems,
        description="; ".join(problems) or kept,
        figures={"releases": len(released)},
    )


@dg.asset_check(
    asset=dg.AssetKey(PRIVATE_LANGUAGE_MODEL.split("/")),
    name="statement_holds",
    description="The checkpoint has its recorded hashes, its epsilon is that of its steps by the "
    "accountant that it names, its noise cannot be computed again, and no training loss was "
    "written down.",
    blocking=True,
)
def statement_holds(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compute the statement again."""
    from amodels_assets.privacy.inspection import find_problems

    store, artifact = opened(artifact_store, PRIVATE_LANGUAGE_MODEL)
    problems = find_problems(artifact.path)
    return verdict(
        store,
        artifact,
        "statement_holds",
        passed=not problems,
        description="; ".join(problems) or "hashes agree and the statement is that of the steps",
    )
