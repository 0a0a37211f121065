"""Assets of language benchmarks: one a benchmark, the leaderboard, the profile."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.evaluation.language.benchmarks import Benchmark, BenchmarkError, benchmarks
from amodels_assets.evaluation.language.names import (
    LEADERBOARD,
    OWN,
    PROFILE,
    QUESTIONS,
    scores_of,
)
from amodels_assets.markdown import embedded_picture
from amodels_assets.settings import from_environment
from amodels_assets.training.language.names import EXTRA, LANGUAGE_MODEL
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import POOL, GpuResource
from resources.training import TrainingResource

if TYPE_CHECKING:
    from amodels_assets.evaluation.language.checkpoints import Checkpoint
    from amodels_assets.evaluation.language.sets import EvaluationSet

CODE_VERSION = "1"
PROCESS = "amodels_assets.evaluation.language.run"


class BenchmarkConfig(dg.Config):
    """What may be set for a run.

    Attributes:
        items: Of the set, the same ones each time; 0 for all.
        endpoint: URL of completions, ``http://host:port/v1/completions``: the model behind it is
            scored too, anew each time. A key for it is read from ``OPENAI_API_KEY``.
        endpoint_model: What the endpoint calls its model.
        tokenizer: Folder of that model's tokenizer; empty for the base model's.
    """

    items: int = 0
    endpoint: str = ""
    endpoint_model: str = "released"
    tokenizer: str = ""


def language_assets(directory: Path | None) -> list[dg.AssetsDefinition]:
    """One asset a benchmark, the platform's and those that lie beside the sets, and what follows.

    Args:
        directory: ``AMODELS_EVAL_DIR``.
    """
    return [_scores_assets(known_benchmarks(directory)), language_profile]


def known_benchmarks(directory: Path | None) -> Mapping[str, Benchmark]:
    """All benchmarks; the platform's alone where one of the others cannot be read."""
    try:
        return benchmarks(directory)
    except BenchmarkError as error:
        # A file of somebody's must not take everything else with it.
        dg.get_dagster_logger().warning(str(error))
        return benchmarks(None)


def _scores_assets(known: Mapping[str, Benchmark]) -> dg.AssetsDefinition:
    """Benchmarks and leaderboard in one step: a set that is missing stops nothing downstream."""
    keys = {name: dg.AssetKey(scores_of(name).split("/")) for name in known}
    specs = [
        *(_benchmark_spec(benchmark, keys[name]) for name, benchmark in known.items()),
        _spec(
            dg.AssetKey(LEADERBOARD.split("/")),
            "All checkpoints of language models on all benchmarks, side by side, as a page with a "
            "picture; and each beside the base model, item by item.",
            list(keys.values()),
            "markdown",
        ),
    ]

    @dg.multi_asset(specs=specs, name="language_scores", can_subset=True, pool=POOL)
    def scores(  # noqa: PLR0917 (Dagster finds resources by their names)
        context: dg.AssetExecutionContext,
        config: BenchmarkConfig,
        artifact_store: ArtifactStoreResource,
        training: TrainingResource,
        gpu: GpuResource,
        pipes_subprocess_client: dg.PipesSubprocessClient,
    ) -> Iterator[dg.MaterializeResult]:
        from amodels_assets.evaluation.language.sets import MissingSetError

        store = ArtifactStore(artifact_store.path())
        sources, number = _sources(store, training, gpu), config.items or None
        problems = []
        asked_at = datetime.now(UTC).isoformat()
        for name, key in keys.items():
            if key not in context.selected_asset_keys:
                continue

            def ask(wanted: "Sequence[Checkpoint]", name: str = name) -> Any:
                from amodels_assets.evaluation.language.run import read_asked

                return _in_process(
                    context,
                    pipes_subprocess_client,
                    sources=sources,
                    checkpoints=wanted,
                    told={"work": "scores", "benchmark": name, "number": number},
                    read=read_asked,
                )

            try:
                found = sources.set_of(known[name])
                checkpoints = _checkpoints(store, training, config, asked_at)
                yield _scored(store, known[name], found, checkpoints, number=number, ask=ask)
            except MissingSetError as error:
                context.log.warning("skipped: %s", error)
            except (ArtifactError, ValueError) as error:
                # The others are scored all the same.
                problems.append(str(error))
        if dg.AssetKey(LEADERBOARD.split("/")) in context.selected_asset_keys:
            yield from _leaderboard(context, store, known, training.language_model)
        if problems:
            raise dg.Failure(description="; ".join(problems), allow_retries=False)

    return scores


def _benchmark_spec(benchmark: Benchmark, key: dg.AssetKey) -> dg.AssetSpec:
    read = [LANGUAGE_MODEL, *([QUESTIONS] if benchmark.name in OWN else [])]
    return _spec(
        key,
        f"How well language models do on {benchmark.title}: base model and checkpoints side by "
        "side, with intervals, chance and every single answer. Skipped where the set is not there.",
        [dg.AssetKey(name.split("/")) for name in read],
        "parquet",
    )


def _spec(key: dg.AssetKey, meaning: str, deps: list[dg.AssetKey], kind: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        description=meaning,
        deps=deps,
        skippable=True,
        group_name="evaluation",
        kinds={"python", kind},
        owners=["team:machine-learning"],
        tags=EXTRA,
        code_version=CODE_VERSION,
    )


def _scored(
    store: ArtifactStore,
    benchmark: Benchmark,
    found: "EvaluationSet",
    checkpoints: "Sequence[Checkpoint]",
    *,
    number: int | None,
    ask: Any,
) -> dg.MaterializeResult:
    from amodels_assets.evaluation.language.results import publish_scores

    made = publish_scores(store, benchmark, found, checkpoints, number=number, ask=ask)
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(scores_of(benchmark.name).split("/")),
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": made.table("items").num_rows,
            "scores": dg.MetadataValue.md(_scores_table(made.table("scores").to_pylist())),
            "set": found.version,
            "repeated_items_left_out": found.repeated,
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )


def _checkpoints(
    store: ArtifactStore, training: TrainingResource, config: BenchmarkConfig, asked_at: str
) -> "list[Checkpoint]":
    from amodels_assets.evaluation.language.checkpoints import (
        current_checkpoints,
        endpoint_checkpoint,
    )
    from amodels_assets.models.store import ModelStore

    models = ModelStore(Path(training.models))
    found = current_checkpoints(store, models, training.language_model)
    if config.endpoint:
        tokenizer = config.tokenizer or models.get(training.language_model).path
        found.append(
            endpoint_checkpoint(config.endpoint, config.endpoint_model, Path(tokenizer), asked_at)
        )
    return found


def _scores_table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| checkpoint | metric | value | 95 % interval | n | chance | constant | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['checkpoint']}@{r['checkpoint_version'][:12]} | {r['metric']} | {r['value']:.3f} "
        f"| {r['low']:.3f} to {r['high']:.3f} | {r['n']} | {r['chance']:.3f} "
        f"| {r['majority']:.3f} | {r['seconds']:.0f} |"
        for r in rows
    ]
    return "\n".join(lines)


def _sources(store: ArtifactStore, training: TrainingResource, gpu: GpuResource) -> Any:
    from amodels_assets.evaluation.language.asking import Sources

    directory, questions = from_environment().eval_directory, store.find(QUESTIONS)
    return Sources(
        directory=str(directory) if directory else None,
        questions=str(questions.path) if questions else None,
        models=training.models,
        device=gpu.device,
    )


class _MayLeaveOutputsOut:
    """The context of a step whose process does not decide which outputs there are.

    Once a step has started a process with Pipes, Dagster wants every one of its outputs. Here the
    process reports none: a benchmark whose set is missing has none in the end.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def set_requires_typed_event_stream(self, *, error_message: str | None = None) -> None:
        """Not asked for."""


def _in_process(
    context: dg.AssetExecutionContext,
    client: dg.PipesSubprocessClient,
    *,
    sources: Any,
    checkpoints: "Sequence[Checkpoint]",
    told: Mapping[str, Any],
    read: Any,
) -> Any:
    """Ask checkpoints in a process of its own, whose memory is free again afterwards."""
    import sys
    import tempfile

    from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT

    if not checkpoints:
        return []
    with tempfile.TemporaryDirectory() as folder:
        extras = {
            **told,
            "folder": folder,
            "sources": sources.to_json(),
            "checkpoints": [checkpoint.to_json() for checkpoint in checkpoints],
        }
        command = [sys.executable, "-m", PROCESS]
        told_by: Any = _MayLeaveOutputsOut(context)
        done = client.run(
            command=command, context=told_by, extras=extras, env=dict(PROCESS_ENVIRONMENT)
        )
        for message in done.get_custom_messages():
            raise dg.Failure(description=message["error"], allow_retries=False)
        return read(Path(folder))


def _leaderboard(
    context: dg.AssetExecutionContext,
    store: ArtifactStore,
    known: Mapping[str, Benchmark],
    base: str,
) -> Iterator[dg.MaterializeResult]:
    from amodels_assets.evaluation.language.board import read_board
    from amodels_assets.evaluation.language.leaderboard import (
        PAGE,
        PICTURE,
        write_leaderboard,
    )

    try:
        board = read_board(store, known)
        if not board.artifacts:
            context.log.warning("skipped: nothing was scored yet")
            return
        made = store.publish(
            LEADERBOARD,
            inputs={a.manifest.artifact: a.data_version for a in board.artifacts.values()},
            config={"base": base, "missing": [b.name for b in board.missing]},
            code_version=CODE_VERSION,
            libraries=("matplotlib",),
            produce=lambda folder: write_leaderboard(board, folder, base),
        )
        page = made.verified_file(PAGE).read_text(encoding="utf-8")
        picture = embedded_picture(made.verified_file(PICTURE).read_bytes(), "leaderboard")
    except (ArtifactError, BenchmarkError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    yield dg.MaterializeResult(
        asset_key=dg.AssetKey(LEADERBOARD.split("/")),
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": made.table("scores").num_rows,
            "leaderboard": dg.MetadataValue.md(f"{picture}\n\n{page}"),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path / PAGE)),
        },
    )


@dg.asset(
    key=PROFILE.split("/"),
    deps=[dg.AssetKey(LANGUAGE_MODEL.split("/"))],
    group_name="evaluation",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    tags=EXTRA,
    code_version=CODE_VERSION,
    pool=POOL,
)
def language_profile(
    context: dg.AssetExecutionContext,
    artifact_store: ArtifactStoreResource,
    training: TrainingResource,
    gpu: GpuResource,
    pipes_subprocess_client: dg.PipesSubprocessClient,
) -> dg.MaterializeResult:
    """How fast each checkpoint reads prompts and writes answers on this machine, and with how much.

    By batch and length of the prompt: time to the first token, tokens a second, peak of memory.
    """
    import json

    from amodels_assets.artifacts import write_table
    from amodels_assets.evaluation.language.checkpoints import current_checkpoints
    from amodels_assets.evaluation.language.profile import as_markdown
    from amodels_assets.evaluation.language.run import RUNS
    from amodels_assets.models.store import ModelStore

    store = ArtifactStore(artifact_store.path())
    try:
        models = ModelStore(Path(training.models))
        checkpoints = current_checkpoints(store, models, training.language_model)

        def produce(folder: Path) -> None:
            import pyarrow as pa

            rows = _in_process(
                context,
                pipes_subprocess_client,
                sources=_sources(store, training, gpu),
                checkpoints=checkpoints,
                told={"work": "profile"},
                read=lambda found: json.loads((found / RUNS).read_bytes()),
            )
            write_table(folder, "profile", pa.Table.from_pylist(rows))

        made = store.publish(
            PROFILE,
            inputs={f"checkpoint/{c.label}": c.version for c in checkpoints},
            config={"device": gpu.device},
            code_version=CODE_VERSION,
            libraries=("torch", "transformers"),
            produce=produce,
        )
    except (ArtifactError, ValueError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    rows = made.table("profile").to_pylist()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": len(rows),
            "profile": dg.MetadataValue.md(as_markdown(rows)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
