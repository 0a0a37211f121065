"""Checks on the questions: nothing of the examination was taught, and every answer is right."""

from typing import TYPE_CHECKING

import dagster as dg

from amodels_assets.artifacts import ArtifactError
from amodels_assets.quality.factory import opened, verdict
from amodels_assets.questions.names import CATALOG, QUESTIONS, READ
from amodels_assets.settings import from_environment
from resources.artifact_store import ArtifactStoreResource

if TYPE_CHECKING:
    import pyarrow as pa

    from amodels_assets.artifacts import Artifact, ArtifactStore

KEY = dg.AssetKey(["datasets", "catalog_questions"])


@dg.asset_check(
    asset=KEY,
    name="no_overlap_with_evaluation",
    description="Training shares no thirteen words in a row with a question that is held out, nor "
    "with an item of a public set in AMODELS_EVAL_DIR.",
    blocking=True,
)
def no_overlap_with_evaluation(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Compare the training questions with every evaluation set."""
    from amodels_assets.questions.examination import find_overlaps
    from amodels_assets.questions.facts import QuestionsError

    store, artifact, questions = _opened(artifact_store)
    name = "no_overlap_with_evaluation"
    try:
        report = find_overlaps(questions, from_environment().eval_directory)
    except QuestionsError as error:
        # What cannot be compared may overlap.
        return verdict(store, artifact, name, passed=False, description=str(error))
    found = {f"overlapping_{of}": len(overlap.items) for of, overlap in report.found.items()}
    result = verdict(
        store,
        artifact,
        name,
        passed=not report.overlapping,
        description=report.sentence(),
        figures=found,
    )
    table = dg.MetadataValue.md(report.markdown())
    return result._replace(metadata={**result.metadata, "sets": table})


@dg.asset_check(
    asset=KEY,
    name="splits_are_apart",
    description="No family, table, view or phrasing of the evaluation is in training.",
    blocking=True,
)
def splits_are_apart(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Search for what is in two splits."""
    from amodels_assets.questions.examination import split_faults

    store, artifact, questions = _opened(artifact_store)
    faults = split_faults(questions)
    text = f"{faults[0]} ({len(faults)} such in all)" if faults else "nothing is in two splits"
    return verdict(store, artifact, "splits_are_apart", passed=not faults, description=text)


@dg.asset_check(
    asset=KEY,
    name="answers_are_the_catalogs",
    description="Answers of a sample of every kind, derived again from the catalog, are the same.",
    blocking=True,
)
def answers_are_the_catalogs(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """Derive answers again by other ways."""
    from amodels_assets.questions.examination import wrong_answers

    store, artifact, questions = _opened(artifact_store)
    try:
        catalog = store.get(CATALOG)
        looked_at, wrong = wrong_answers(questions, {name: catalog.table(name) for name in READ})
    except ArtifactError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    text = f"{len(wrong)} of {looked_at:,} answers are wrong, {(*wrong, '')[0]} is the first"
    return verdict(
        store,
        artifact,
        "answers_are_the_catalogs",
        passed=not wrong,
        description=text if wrong else f"{looked_at:,} answers of every kind are the catalog's",
    )


@dg.asset_check(
    asset=KEY,
    name="every_kind_is_asked",
    description="Every split has questions of every kind; a small catalog may lack some.",
)
def every_kind_is_asked(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
    """List the kinds that a split lacks."""
    from amodels_assets.questions.examination import kinds_not_asked

    store, artifact, questions = _opened(artifact_store)
    lacking = kinds_not_asked(questions)
    text = f"not asked: {', '.join(lacking)}" if lacking else "every kind is asked in every split"
    return verdict(
        store,
        artifact,
        "every_kind_is_asked",
        passed=not lacking,
        description=text,
        blocking=False,
    )


def _opened(
    resource: ArtifactStoreResource,
) -> "tuple[ArtifactStore, Artifact, dict[str, pa.Table]]":
    from amodels_assets.questions.facts import QuestionsError
    from amodels_assets.questions.folder import read_questions

    store, artifact = opened(resource, QUESTIONS)
    try:
        return store, artifact, read_questions(artifact.path)
    except QuestionsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
