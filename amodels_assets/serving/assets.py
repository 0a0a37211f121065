"""The serving room's assets: the endpoint, which others run, and its load profile."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from amodels_assets.artifacts import ArtifactError, ArtifactStore, write_table
from amodels_assets.markdown import embedded_picture
from amodels_assets.serving.names import ENDPOINT, LOAD_PROFILE
from resources.artifact_store import ArtifactStoreResource
from resources.gateway import GatewayResource, GatewayUnavailableError

CODE_VERSION = "1"

endpoint = dg.AssetSpec(
    ENDPOINT.split("/"),
    description="What users ask: the gateway with the released models behind it. It runs outside "
    "of Dagster; the sensor endpoint_observations looks at its health, latency and tokens.",
    deps=[
        dg.AssetKey(["release", "released_model"]),
        dg.AssetKey(["release", "released_language_model"]),
    ],
    group_name="serving",
    kinds={"http", "vllm"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)


class LoadConfig(dg.Config):
    """The load.

    Attributes:
        model: Release or alias that is asked.
        concurrency: Clients at once, one measurement each.
        requests: Of each measurement, at least one a client.
        prompt_words: Of each prompt.
        answer_tokens: Of each answer at most.
        seconds: In which every part of an answer has to come.
    """

    model: str = "released"
    concurrency: list[int] = Field(default_factory=lambda: [1, 4, 16])
    requests: int = 24
    prompt_words: int = 64
    answer_tokens: int = 32
    seconds: float = 120.0


@dg.multi_asset(
    name="load_profile",
    specs=[
        dg.AssetSpec(
            LOAD_PROFILE.split("/"),
            description="How long the endpoint takes to answer by how many ask at once, under a "
            "stated load: first token, whole answer, tokens a second. Measured anew each time.",
            deps=[dg.AssetKey(ENDPOINT.split("/"))],
            skippable=True,
            group_name="serving",
            kinds={"python", "parquet"},
            owners=["team:machine-learning"],
            code_version=CODE_VERSION,
        )
    ],
)
def load_profile(
    context: dg.AssetExecutionContext,
    config: LoadConfig,
    artifact_store: ArtifactStoreResource,
    gateway: GatewayResource,
) -> Iterator[dg.MaterializeResult]:
    """Run the load against the endpoint; skipped where none is configured."""
    import json
    from pathlib import Path

    import pyarrow as pa

    from amodels_assets.serving.load import Load
    from amodels_assets.serving.load_profile import LoadError, as_markdown, picture, profile

    if gateway.missing:
        context.log.warning("skipped: %s", gateway.missing)
        return
    told = config.model_dump(exclude={"seconds"})
    try:
        load = Load(
            config.model,
            tuple(config.concurrency),
            requests=config.requests,
            prompt_words=config.prompt_words,
            answer_tokens=config.answer_tokens,
        )
        measured = profile(
            lambda: gateway.connect(config.seconds), gateway.headers(), load, context.log.info
        )

        def produce(folder: Path) -> None:
            write_table(folder, "profile", pa.Table.from_pylist(measured.rows()))
            (folder / "latency.png").write_bytes(picture(measured.rows()))
            said = {"load": told, "releases": measured.releases, "failures": measured.failures}
            (folder / "load.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

        made = ArtifactStore(artifact_store.path()).publish(
            LOAD_PROFILE,
            inputs={f"release {name}": name for name in measured.releases},
            # Of this moment: the same load tomorrow is another measurement.
            config={**told, "measured_at": datetime.now(UTC).isoformat()},
            code_version=CODE_VERSION,
            produce=produce,
        )
    except (ArtifactError, GatewayUnavailableError, LoadError, ValueError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    shown = embedded_picture((made.path / "latency.png").read_bytes(), "latency")
    yield dg.MaterializeResult(
        asset_key=LOAD_PROFILE.split("/"),
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": len(measured.points),
            "profile": dg.MetadataValue.md(as_markdown(measured.rows())),
            "latency": dg.MetadataValue.md(shown),
            "releases": dg.MetadataValue.json(list(measured.releases)),
            "failures": dg.MetadataValue.json(measured.failures),
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
