"""The asset of the questions."""

import dagster as dg

from amodels_assets.artifacts import ArtifactError, ArtifactStore
from amodels_assets.questions.names import CATALOG, QUESTIONS, READ, SPLITS
from resources.artifact_store import ArtifactStoreResource

CODE_VERSION = "1"
LIBRARIES = ("datasketch", "pyarrow", "sqlglot")


class QuestionsConfig(dg.Config):
    """What may be set for a run.

    Attributes:
        seed: Of the split, of what is asked and in which words.
        tokenizer: A tokenizer.json, or a folder with one, for the lengths; words are counted where
            none is named.
    """

    seed: int = 0
    tokenizer: str = ""


@dg.asset(
    key=["datasets", "catalog_questions"],
    # Not read, but a source of which something was lost must not go further.
    deps=[dg.AssetKey(["sgmi", name]) for name in (*READ, "diagnostics")],
    group_name="datasets",
    kinds={"python", "parquet"},
    owners=["team:machine-learning"],
    code_version=CODE_VERSION,
)
def catalog_questions(
    artifact_store: ArtifactStoreResource, config: QuestionsConfig
) -> dg.MaterializeResult:
    """Questions about the warehouse with exact answers: what a language model learns and sits.

    Types, places, sources, jobs, schedules, queries and comments, asked in many phrasings. Tables
    and views of the examination are not among those that are taught.
    """
    from pathlib import Path

    from amodels_assets.questions.build import build_questions, write_questions
    from amodels_assets.questions.facts import QuestionsError
    from amodels_assets.questions.folder import conversations, read_questions, read_summary
    from amodels_assets.questions.lengths import length_picture, length_table
    from amodels_assets.questions.tokens import count

    store = ArtifactStore(artifact_store.path())
    try:
        catalog = store.get(CATALOG)
        made = store.publish(
            QUESTIONS,
            inputs={f"sgmi/{name}": catalog.file_version(f"{name}.parquet") for name in READ},
            config={"seed": config.seed},
            code_version=CODE_VERSION,
            libraries=LIBRARIES,
            produce=lambda folder: write_questions(
                build_questions({name: catalog.table(name) for name in READ}, config.seed), folder
            ),
        )
        questions, summary = read_questions(made.path), read_summary(made.path)
        tokenizer = Path(config.tokenizer) if config.tokenizer else None
        lengths = {split: count(conversations(questions[split]), tokenizer) for split in SPLITS}
    except (ArtifactError, QuestionsError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    kinds = {split: summary["questions"][split] for split in SPLITS}
    rows = [
        f"| {kind} | {' | '.join(f'{kinds[split][kind]:,}' for split in SPLITS)} |"
        for kind in kinds[SPLITS[0]]
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.data_version),
        metadata={
            "dagster/row_count": sum(table.num_rows for table in questions.values()),
            "questions": dg.MetadataValue.md(
                "\n".join([f"| kind | {' | '.join(SPLITS)} |", "|---" * 5 + "|", *rows])
            ),
            "near_duplicates_removed": dg.MetadataValue.json(summary["near_duplicates_removed"]),
            "overlapping_removed": summary["overlapping_removed"],
            "not_asked": dg.MetadataValue.json(summary["not_asked"]),
            "length": dg.MetadataValue.md(length_table(lengths)),
            "lengths": dg.MetadataValue.md(length_picture(lengths)),
            "unchanged": made.unchanged,
            "path": dg.MetadataValue.path(str(made.path)),
        },
    )
