"""``amodels questions``: questions about a catalog, without Dagster."""

from __future__ import annotations

import json
from pathlib import Path

import click

from amodels_assets.commands.replacing import refuse_other_things, replace_folder
from amodels_assets.questions.names import KINDS, QUESTIONS, SPLITS, TEST

_EXISTING = click.Path(path_type=Path, file_okay=False, exists=True)


@click.group()
def questions() -> None:
    """Make questions about a catalog with exact answers, and look at them.

    \b
    Examples:
      amodels questions build catalog questions
      amodels questions show questions --kind upstream
    """


@questions.command()
@click.argument("catalog", type=_EXISTING)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=0, show_default=True, help="Of split, selection and wording.")
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, exists=True),
    help="tokenizer.json, or a folder with one, to count tokens with; default: count words.",
)
@click.option(
    "--compare",
    type=_EXISTING,
    help="Directory of public evaluation sets; default: AMODELS_EVAL_DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def build(
    *,
    catalog: Path,
    out: Path,
    seed: int,
    tokenizer: Path | None,
    compare: Path | None,
    as_json: bool,
) -> None:
    """Make questions about CATALOG, a catalog's folder, and write them to OUT.

    A Parquet file each for training, validation, test and recall, and summary.json. Questions that
    OUT holds already are replaced. Exits with 1 when training overlaps with an evaluation set.

    \b
    Examples:
      amodels questions build catalog questions
      amodels questions build catalog questions --seed 7 --tokenizer model/tokenizer.json
      amodels questions build catalog questions --compare eval-sets --json
    """
    from amodels_assets.questions.build import build_questions, write_questions
    from amodels_assets.questions.examination import find_overlaps
    from amodels_assets.questions.folder import conversations, read_catalog
    from amodels_assets.questions.tokens import count
    from amodels_assets.settings import from_environment

    refuse_other_things(out, "questions", {f"{split}.parquet" for split in SPLITS})
    made = build_questions(read_catalog(catalog), seed)
    report = find_overlaps(made.tables, compare or from_environment().eval_directory)
    lengths = {s: count(conversations(table), tokenizer) for s, table in made.tables.items()}
    replace_folder(out, lambda folder: write_questions(made, folder))
    unit = lengths["train"].unit
    totals = {split: int(found.counts.sum()) for split, found in lengths.items()}
    if as_json:
        figures = {
            **made.summary,
            unit: totals,
            "overlapping": {name: len(found.items) for name, found in report.found.items()},
            "not_compared": report.not_compared,
        }
        click.echo(json.dumps(figures, indent=2))
    else:
        for split, table in made.tables.items():
            place = out / f"{split}.parquet"
            click.echo(f"{table.num_rows:>8,}  {totals[split]:>10,} {unit}  {place}")
        removed = made.summary["near_duplicates_removed"]
        total = sum(removed.values()) if isinstance(removed, dict) else 0
        click.echo(f"{total} near-duplicates removed; {report.sentence()}")
    if report.overlapping:
        raise click.ClickException(
            "training overlaps with an evaluation set: leave out what they share or do not score "
            "on that set"
        )


@questions.command()
@click.argument("folder", type=_EXISTING, required=False)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Default: all.")
@click.option("--split", type=click.Choice(SPLITS), default=TEST, show_default=True)
@click.option("-n", "--number", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(
    *, folder: Path | None, kinds: tuple[str, ...], split: str, number: int, as_json: bool
) -> None:
    """Print some questions of FOLDER; without it, of those that amodels run made.

    They are taken from all of the split at even distances, so that all kinds are seen.

    \b
    Examples:
      amodels questions show
      amodels questions show questions --kind sql --kind upstream -n 3
      amodels questions show questions --split train --json
    """
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.questions.folder import read_questions
    from amodels_assets.settings import from_environment

    if folder is None:
        store = ArtifactStore(from_environment().artifacts_path())
        folder = store.get(QUESTIONS).path
    table = read_questions(folder)[split]
    rows = [row for row in table.to_pylist() if not kinds or row["kind"] in kinds]
    number = min(number, len(rows))
    rows = [rows[place * len(rows) // number] for place in range(number)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['item_id']}  [{row['split']}]")
        for line in row["messages"][-1]["content"].splitlines():
            click.echo(f"  {line}" if line else "")
        for place, choice in enumerate(row["choices"]):
            click.echo(f"    {'>' if place == row['label'] else ' '} {choice}")
        click.echo(f"  = {row['answer']}\n")
    if not rows:
        click.echo("no such questions")
