"""Checks on scores of language models: complete evidence, and no leak."""

from pathlib import Path

import dagster as dg

from amodels_assets.artifacts import ArtifactError
from amodels_assets.evaluation.language.assets import known_benchmarks
from amodels_assets.evaluation.language.benchmarks import Benchmark
from amodels_assets.evaluation.language.names import OWN, scores_of
from amodels_assets.quality.factory import opened, verdict
from resources.artifact_store import ArtifactStoreResource

COMPLETE, AT_CHANCE = "scores_are_complete", "shuffled_answers_score_at_chance"


def language_checks(directory: Path | None) -> list[dg.AssetChecksDefinition]:
    """The checks of every benchmark's scores.

    Args:
        directory: ``AMODELS_EVAL_DIR``.
    """
    known = known_benchmarks(directory).values()
    return [
        *(_complete(benchmark) for benchmark in known),
        *(_at_chance(benchmark) for benchmark in known if benchmark.name in OWN),
    ]


def _complete(benchmark: Benchmark) -> dg.AssetChecksDefinition:
    name = scores_of(benchmark.name)

    @dg.asset_check(
        asset=dg.AssetKey(name.split("/")),
        name=COMPLETE,
        description="Every score has n, an interval that holds it, chance, template and versions, "
        "and was computed on the answers beside it.",
        blocking=True,
    )
    def check(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
        from amodels_assets.evaluation.language.findings import incomplete_scores

        store, artifact = opened(artifact_store, name)
        try:
            problems = incomplete_scores(benchmark, artifact)
        except ArtifactError as error:
            problems = [str(error)]
        text = "; ".join(problems) or "every score is complete"
        return verdict(store, artifact, COMPLETE, passed=not problems, description=text)

    return check


def _at_chance(benchmark: Benchmark) -> dg.AssetChecksDefinition:
    name = scores_of(benchmark.name)

    @dg.asset_check(
        asset=dg.AssetKey(name.split("/")),
        name=AT_CHANCE,
        description="Nothing that a model is given depends on the answers, and against the answers "
        "of other items it scores no more than one who knows nothing of an item.",
        blocking=True,
    )
    def check(artifact_store: ArtifactStoreResource) -> dg.AssetCheckResult:
        from amodels_assets.evaluation.language.findings import leaks

        store, artifact = opened(artifact_store, name)
        found = leaks(benchmark, artifact)
        text = "; ".join(
            f"{leak.checkpoint} scores {leak.shuffled.value:.3f} against shuffled answers "
            f"({leak.shuffled.low:.3f} to {leak.shuffled.high:.3f}), knowing nothing scores "
            f"{leak.limit:.3f}" + ("" if leak.blind else "; its prompts depend on the answers")
            for leak in found
        )
        passed = not any(leak.found for leak in found)
        return verdict(store, artifact, AT_CHANCE, passed=passed, description=text)

    return check
