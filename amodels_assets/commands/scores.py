"""``amodels scores``: language models on benchmarks, and what was scored."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from amodels_assets.evaluation.language.asking import Sources
    from amodels_assets.evaluation.language.board import Board
    from amodels_assets.evaluation.language.checkpoints import Checkpoint

_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def scores() -> None:
    """Score language models on benchmarks, and look at scores.

    \b
    Examples:
      amodels scores benchmarks
      amodels scores run smollm2 -b boolq -n 100
      amodels scores list
      amodels scores compare smollm2 smollm2-full
    """


@scores.command()
@_JSON
def benchmarks(as_json: bool) -> None:
    """List benchmarks: whether each one's set is there, and what it has to look like.

    \b
    Examples:
      amodels scores benchmarks
      AMODELS_EVAL_DIR=sets amodels scores benchmarks --json
    """
    sources = _sources()
    rows = []
    for name, benchmark in _known(sources).items():
        try:
            found = sources.set_of(benchmark)
            items, problem = found.size, ""
        except ValueError as error:
            items, problem = 0, str(error)
        rows.append(
            {
                "benchmark": name,
                "title": benchmark.title,
                "kind": benchmark.kind,
                "shots": benchmark.shots,
                "items": items,
                "template_sha256": benchmark.template_hash,
                "problem": problem,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        said = f"{row['items']:,} items" if not row["problem"] else row["problem"]
        click.echo(f"{row['benchmark']:<18} {said}")


@scores.command()
@click.argument("models", nargs=-1)
@click.option("-b", "--benchmark", "names", multiple=True, help="Default: all whose set is there.")
@click.option("-n", "--number", type=click.IntRange(min=1), help="Items of each set; default: all.")
@click.option("--device", default="", help="cpu or cuda; default: AMODELS_DEVICE, or a GPU.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Default: all cores.")
@click.option(
    "--endpoint", help="URL of an OpenAI-compatible endpoint, http://host/v1/completions."
)
@click.option("--endpoint-model", help="What the endpoint calls its model.")
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the tokenizer of the endpoint's model.",
)
@_JSON
def run(
    *,
    models: tuple[str, ...],
    names: tuple[str, ...],
    number: int | None,
    device: str,
    threads: int,
    endpoint: str | None,
    endpoint_model: str | None,
    tokenizer: Path | None,
    as_json: bool,
) -> None:
    """Score MODELS: names of base models, or folders of checkpoints.

    Scores are kept beside those of other models on the same items; what was scored before is not
    scored again. With -n the same items are taken each time.

    \b
    Examples:
      amodels scores run smollm2
      amodels scores run smollm2 checkpoint -b catalog_qa -b boolq -n 100
      amodels scores run --endpoint http://localhost:8000/v1/completions --endpoint-model m \\
          --tokenizer model -b piqa
    """
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.evaluation.language.asking import ask_about, load
    from amodels_assets.evaluation.language.checkpoints import endpoint_checkpoint
    from amodels_assets.evaluation.language.results import publish_scores
    from amodels_assets.evaluation.language.sets import MissingSetError
    from amodels_assets.settings import from_environment

    settings = from_environment()
    sources = _sources(device or settings.device, threads)
    store = ArtifactStore(settings.artifacts_path())
    checkpoints = [_checkpoint(model, sources) for model in models]
    if endpoint:
        if not endpoint_model or not tokenizer:
            raise click.UsageError("--endpoint needs --endpoint-model and --tokenizer")
        now = datetime.now(UTC).isoformat()
        checkpoints.append(endpoint_checkpoint(endpoint, endpoint_model, tokenizer, now))
    if not checkpoints:
        raise click.UsageError("name a base model, a checkpoint's folder, or an --endpoint")
    known = _known(sources)
    if unknown := sorted(set(names) - set(known)):
        raise click.UsageError(f"no benchmark {unknown[0]!r}: there is {', '.join(known)}")
    loaded: dict[str, Any] = {}

    def say(text: str) -> None:
        click.echo(text, err=True)

    made = []
    for name in names or known:
        benchmark = known[name]
        try:
            found = sources.set_of(benchmark)
        except MissingSetError as error:
            if names:
                raise click.ClickException(str(error)) from error
            say(f"left out: {error}")
            continue

        def ask(wanted: Any, benchmark: Any = benchmark, found: Any = found) -> Any:
            results = []
            for checkpoint in wanted:
                say(f"{benchmark.title}: {checkpoint.label}")
                if checkpoint.label not in loaded:
                    # One at a time: a large model fills the memory.
                    loaded.clear()
                    loaded[checkpoint.label] = load(checkpoint, sources, say)
                model = loaded[checkpoint.label]
                results.append(ask_about(model, checkpoint, benchmark, found, number))
            return results

        artifact = publish_scores(store, benchmark, found, checkpoints, number=number, ask=ask)
        versions = {checkpoint.version for checkpoint in checkpoints}
        rows = artifact.table("scores").to_pylist()
        made += [row for row in rows if row["checkpoint_version"] in versions]
    if as_json:
        click.echo(json.dumps(made, indent=2))
    else:
        _print_scores(made)


@scores.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List every score with its interval, chance and the best constant answer.

    \b
    Examples:
      amodels scores list
      amodels scores list --json
    """
    found = _board().scores()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    _print_scores(found)


@scores.command()
@click.argument("benchmark")
@_JSON
def show(benchmark: str, as_json: bool) -> None:
    """Show all that is known of BENCHMARK's scores: parts, calibration, template.

    \b
    Examples:
      amodels scores show catalog_qa
      amodels scores show boolq --json
    """
    board = _board()
    if benchmark not in board.artifacts:
        known = ", ".join(board.artifacts) or "nothing yet"
        raise click.ClickException(f"{benchmark!r} was not scored: there is {known}")
    artifact = board.artifacts[benchmark]
    tables = {
        name: artifact.table(name).to_pylist()
        for name in ("scores", "parts", "calibration")
        if f"{name}.parquet" in artifact.manifest.files
    }
    template = artifact.verified_file("template.json").read_text(encoding="utf-8")
    if as_json:
        click.echo(json.dumps({**tables, "template": json.loads(template)}, indent=2))
        return
    _print_scores(tables["scores"])
    for row in tables.get("parts", ()):
        click.echo(
            f"  {row['checkpoint']:<16} {row['part']:<20} {row['value']:.3f} "
            f"({row['low']:.3f} to {row['high']:.3f}), n={row['n']}"
        )
    for row in tables.get("calibration", ()):
        click.echo(
            f"  {row['checkpoint']:<16} temperature {row['temperature']:.2f}: log loss "
            f"{row['log_loss_before']:.3f} to {row['log_loss']:.3f} "
            f"(uniform {row['uniform_log_loss']:.3f}), calibration error "
            f"{row['error_before']:.3f} to {row['error']:.3f}, n={row['n']}"
        )
    click.echo(f"template {tables['scores'][0]['template_sha256'][:12]}, items {artifact.path}")


@scores.command()
@click.argument("a")
@click.argument("b")
@_JSON
def compare(a: str, b: str, as_json: bool) -> None:
    """Compare checkpoint B with A, item by item: name, or name@version where several have it.

    \b
    Examples:
      amodels scores compare smollm2 smollm2-full
      amodels scores compare smollm2-full@1f0c smollm2-full@9a27 --json
    """
    from amodels_assets.evaluation.language.board import compare_on

    board = _board()
    found = compare_on(board, board.find(a), board.find(b))
    if as_json:
        rows = [{**asdict(one.comparison), "adjusted_p": one.adjusted_p} for one in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        each = one.comparison
        verdict = "better" if each.difference > 0 else "worse"
        click.echo(
            f"{each.benchmark:<18} {each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f}), "
            f"{each.gained} gained, {each.lost} lost of {each.n}, p={each.p:.3g} ({each.test}), "
            f"{one.adjusted_p:.3g} among {len(found)}: "
            f"{verdict if each.significant else 'no significant difference'}"
        )


@scores.command()
@click.argument("model")
@click.option("-b", "--benchmark", "name", default="catalog_qa", show_default=True)
@click.option("-n", "--number", type=click.IntRange(min=1), help="Items; default: all.")
@click.option("--device", default="", help="cpu or cuda; default: AMODELS_DEVICE, or a GPU.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Default: all cores.")
@_JSON
def sampling(
    *, model: str, name: str, number: int | None, device: str, threads: int, as_json: bool
) -> None:
    """Choose temperature and top-p for free answers of MODEL.

    On one half of the items every setting is tried, greedy answers among them; the best one's score
    is reported on the other half.

    \b
    Examples:
      amodels scores sampling smollm2 -n 100
      amodels scores sampling checkpoint -b gsm8k --json
    """
    from amodels_assets.evaluation.language.asking import load
    from amodels_assets.evaluation.language.sampling import choose_sampling
    from amodels_assets.settings import from_environment

    sources = _sources(device or from_environment().device, threads)
    known = _known(sources)
    if name not in known:
        raise click.UsageError(f"no benchmark {name!r}: there is {', '.join(known)}")
    items = sources.set_of(known[name]).subset(number)
    loaded = load(_checkpoint(model, sources), sources, lambda text: click.echo(text, err=True))
    found = choose_sampling(loaded, known[name], items)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    for one in found.tried:
        click.echo(
            f"temperature {one.sampling.temperature:.1f}, top-p {one.sampling.top_p:.2f}: "
            f"{one.value:.3f}"
        )
    click.echo(
        f"chosen on {found.n_chosen_on} items: temperature {found.chosen.temperature:.1f}, top-p "
        f"{found.chosen.top_p:.2f}\n"
        f"on the other {found.n}: {found.value:.3f}, greedy {found.greedy:.3f}, difference "
        f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    )


def _sources(device: str = "", threads: int = 0) -> Sources:
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.evaluation.language.asking import Sources
    from amodels_assets.evaluation.language.names import QUESTIONS
    from amodels_assets.settings import from_environment

    settings = from_environment()
    questions = ArtifactStore(settings.artifacts_path()).find(QUESTIONS)
    return Sources(
        directory=str(settings.eval_directory) if settings.eval_directory else None,
        questions=str(questions.path) if questions else None,
        models=str(settings.models),
        device=device,
        threads=threads,
    )


def _known(sources: Sources) -> dict[str, Any]:
    from amodels_assets.evaluation.language.benchmarks import benchmarks

    return benchmarks(Path(sources.directory) if sources.directory else None)


def _checkpoint(model: str, sources: Sources) -> Checkpoint:
    from amodels_assets.evaluation.language.checkpoints import base_checkpoint, folder_checkpoint
    from amodels_assets.models.store import ModelStore

    if Path(model).is_dir():
        return folder_checkpoint(Path(model))
    return base_checkpoint(model, ModelStore(Path(sources.models)))


def _board() -> Board:
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.evaluation.language.board import read_board
    from amodels_assets.settings import from_environment

    settings = from_environment()
    board = read_board(ArtifactStore(settings.artifacts_path()), _known(_sources()))
    if not board.artifacts:
        raise click.ClickException("nothing was scored yet: say amodels scores run MODEL")
    return board


def _print_scores(rows: list[dict[str, Any]]) -> None:
    click.echo(
        f"{'benchmark':<18} {'checkpoint':<30} {'metric':<12} {'value':>6}  95 % interval   "
        f"{'n':>6}  chance  constant"
    )
    for row in rows:
        label = f"{row['checkpoint']}@{row['checkpoint_version'][:12]}"
        click.echo(
            f"{row['benchmark']:<18} {label:<30} {row['metric']:<12} {row['value']:>6.3f}  "
            f"{row['low']:.3f} to {row['high']:.3f}  {row['n']:>6,}  {row['chance']:>6.3f}  "
            f"{row['majority']:>8.3f}"
        )
