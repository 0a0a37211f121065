"""Makes Dagster asset checks from suites and keeps each outcome as evidence beside the artifact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore, CheckRecord, digest
from amodels_assets.quality.expectation import Suite
from resources.artifact_store import ArtifactStoreResource


def suite_checks(suite: Suite) -> dg.AssetChecksDefinition:
    """One Dagster asset check per expectation of a suite, evaluated together.

    An outcome that is already on record for the same data version and the same suite is reported
    again without evaluating: equal data under equal expectations has equal results.
    """
    key = dg.AssetKey(list(suite.asset_key))
    specs = [
        dg.AssetCheckSpec(name=e.name, asset=key, description=e.description, blocking=e.critical)
        for e in suite.expectations
    ]

    @dg.multi_asset_check(specs=specs, name=_step_name(suite), can_subset=False)
    def run(artifact_store: ArtifactStoreResource) -> Iterable[dg.AssetCheckResult]:
        store = ArtifactStore(artifact_store.path())
        for record in evaluate_suite(store, suite):
            yield check_result(key, record)

    return run


def _step_name(suite: Suite) -> str:
    """Unique also where an asset has several tables: their suites are steps of their own."""
    parts = (*suite.asset_key, *suite.table.split("/"), "expectations")
    return "_".join(dict.fromkeys(parts))


def evaluate_suite(store: ArtifactStore, suite: Suite) -> list[CheckRecord]:
    """Evaluate a suite on the current version of its artifact, or recall the outcomes."""
    artifact = store.get(suite.artifact)
    version = artifact.file_version(f"{suite.table}.parquet")
    fingerprint = digest(suite.definition())
    known = store.checks(suite.artifact)
    recalled = [known.get(check_id(suite, e.name)) for e in suite.expectations]
    current = [
        r for r in recalled if r and r.data_version == version and r.fingerprint == fingerprint
    ]
    if len(current) == len(suite.expectations):
        return current
    from amodels_assets.quality.runner import run_suite

    records = [
        CheckRecord(
            check=check_id(suite, outcome.expectation.name),
            data_version=version,
            passed=outcome.passed,
            blocking=outcome.expectation.critical,
            description=outcome.expectation.description,
            fingerprint=fingerprint,
            metadata=outcome.figures,
        )
        for outcome in run_suite(suite, artifact.table(suite.table))
    ]
    for record in records:
        store.record_check(suite.artifact, record)
    return records


def check_id(suite: Suite, expectation: str) -> str:
    """Name under which an outcome is kept: several tables of one artifact may share a name."""
    return f"{suite.table}.{expectation}"


def check_result(key: dg.AssetKey, record: CheckRecord) -> dg.AssetCheckResult:
    """A recorded outcome in Dagster's terms: ERROR when it blocks, WARN otherwise."""
    severity = dg.AssetCheckSeverity.ERROR if record.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=record.check.rpartition(".")[2],
        passed=record.passed,
        severity=severity,
        description=record.description,
        metadata={"data_version": record.data_version, **record.metadata},
    )


def opened(resource: ArtifactStoreResource, name: str) -> tuple[ArtifactStore, Artifact]:
    """The store and the artifact that a check looks at.

    Raises:
        dg.Failure: There is none.
    """
    store = ArtifactStore(resource.path())
    try:
        return store, store.get(name)
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def verdict(
    store: ArtifactStore,
    artifact: Artifact,
    check: str,
    *,
    passed: bool,
    description: str,
    figures: Mapping[str, int] | None = None,
    blocking: bool = True,
) -> dg.AssetCheckResult:
    """Keep what a hand-written check of an artifact's asset came to, and report it to Dagster."""
    record = CheckRecord(
        check=check,
        data_version=artifact.data_version,
        passed=passed,
        blocking=blocking,
        description=description,
        metadata=dict(figures or {}),
    )
    name = artifact.manifest.artifact
    return recorded(store, name, record, dg.AssetKey(name.split("/")))


def recorded(
    store: ArtifactStore, artifact: str, record: CheckRecord, key: dg.AssetKey
) -> dg.AssetCheckResult:
    """Keep the outcome of a hand-written check as evidence and report it to Dagster."""
    store.record_check(artifact, record)
    return check_result(key, record)
