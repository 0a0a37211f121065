"""``amodels train language``: fine-tune a language model on questions, without Dagster."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from amodels_assets.commands.training import (
    EXISTING,
    FOLDER,
    changed,
    refusals,
    run_work,
    settings_options,
)
from amodels_assets.settings import from_environment
from amodels_assets.training.language.config import LORA, MODES


@click.command()
@click.argument("questions", type=EXISTING)
@click.argument("out", type=FOLDER)
@click.option("--base", help="Base model, as `amodels models list` names it; default: the setting.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="An adapter beside the frozen weights (lora, the default), or all weights (full).",
)
@click.option("--epsilon", type=float, help="Keep differential privacy with this epsilon.")
@click.option(
    "--unit",
    type=click.Choice(["sequence", "source_table"]),
    default="sequence",
    show_default=True,
    help="What epsilon is for: a question with its answer, or all questions about one table.",
)
@click.option(
    "--contributions", default=8, show_default=True, help="Questions about one table at most."
)
@settings_options("learning_rate=0.001, adapter.rank=8, closed_book=0.5, batch_size=4")
def language(
    *,
    questions: Path,
    out: Path,
    base: str | None,
    mode: str | None,
    epsilon: float | None,
    unit: str,
    contributions: int,
    steps: int | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Fine-tune a language model on the questions in QUESTIONS; the checkpoint goes to OUT.

    QUESTIONS is a folder of `amodels questions build`, or of the asset datasets/catalog_questions.
    Only the answers are learned. The base model is AMODELS_LANGUAGE_MODEL, smollm2 where that is
    not set; `amodels models add` brings one.

    \b
    Examples:
      amodels train language var/questions tuned
      amodels train language var/questions tuned --mode full --set learning_rate=0.0003
      amodels train language var/questions tuned --base vault --set gradient_checkpointing=true
      amodels train language var/questions tuned --epsilon 8 --set batch_size=32
      amodels train language var/questions tuned --steps 5 --json      to try it out
    """
    from amodels_assets.models.store import ModelStore
    from amodels_assets.training.language.config import LanguageConfig
    from amodels_assets.training.language.tuning import tune

    chosen = from_environment()
    config = changed(LanguageConfig.for_steps(steps or 0, mode or LORA), settings)
    with refusals():
        model = ModelStore.at(chosen.home).get(base or chosen.language_model)
    if epsilon is None:
        work = partial(tune, questions, out, config, model)
    else:
        from amodels_assets.privacy.language import tune_privately
        from amodels_assets.privacy.settings import PrivacySettings

        kept = PrivacySettings(epsilon=epsilon, unit=unit, contributions=contributions)
        work = partial(tune_privately, questions, out, config, model, privacy=kept)
    run_work(
        lambda progress, execution: work(progress, execution=execution),
        out,
        quiet=quiet,
        as_json=as_json,
    )


@click.command()
@click.argument("checkpoint", type=EXISTING)
@click.argument("out", type=FOLDER)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of the weights; those that were scored are float32.",
)
def merge(*, checkpoint: Path, out: Path, dtype: str) -> None:
    """Write the language model in CHECKPOINT as one folder, OUT, with its adapter merged.

    Transformers, vLLM and `amodels models add` load such a folder.

    \b
    Examples:
      amodels train merge tuned served
      amodels train merge tuned served --dtype bfloat16
    """
    from amodels_assets.models.store import ModelStore
    from amodels_assets.training.language.merging import write_merged

    with refusals():
        write_merged(checkpoint, out, ModelStore.at(from_environment().home), dtype)
    click.echo(f"{checkpoint} is merged in {out}")
