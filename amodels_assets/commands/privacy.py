"""``amodels privacy``: what trainings with differential privacy promise and what it adds up to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from amodels_assets.privacy.ledger import Total
    from amodels_assets.privacy.memorisation import Measured

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def privacy() -> None:
    """Plan trainings with differential privacy, and see what all releases add up to.

    \b
    Examples:
      amodels privacy plan --epsilon 2 --units 3000 --steps 200
      amodels privacy ledger                what all releases together promise of each source
      amodels privacy memorisation          planted secrets, with and without privacy
    """


@privacy.command()
@click.option("--epsilon", type=float, required=True, help="The target.")
@click.option("--units", type=int, required=True, help="Sequences or tables that are trained on.")
@click.option("--steps", type=int, required=True, help="Of the training.")
@click.option("--batch-size", type=int, help="Units in a step on average; default: by the ratio.")
@click.option(
    "--noise-batch-ratio",
    type=float,
    default=0.01,
    show_default=True,
    help="Noise in the mean gradient that is wanted at most, in units of the clip.",
)
@click.option("--delta", type=float, help="Default: units to the power of -1.1.")
@click.option("--accountant", type=click.Choice(["prv", "rdp"]), default="prv", show_default=True)
@AS_JSON
def plan(
    *,
    epsilon: float,
    units: int,
    steps: int,
    batch_size: int | None,
    noise_batch_ratio: float,
    delta: float | None,
    accountant: str,
    as_json: bool,
) -> None:
    """Choose noise and batch size for a target epsilon, and say what it means.

    Without --batch-size it is the smallest power of two whose mean gradient has no more noise than
    --noise-batch-ratio.

    \b
    Examples:
      amodels privacy plan --epsilon 2 --units 3000 --steps 200
      amodels privacy plan --epsilon 8 --units 3000 --steps 200 --batch-size 128 --json
    """
    from amodels_assets.privacy import plan as planning

    asked: dict[str, Any] = {"steps": steps, "delta": delta, "accountant": accountant}
    if batch_size is None:
        found = planning.choose_batch(epsilon, units, noise_batch_ratio=noise_batch_ratio, **asked)
    else:
        found = planning.plan(epsilon, units, batch_size=batch_size, **asked)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2, sort_keys=True))
        return
    bounds = planning.meaning(found.epsilon, found.delta)
    click.echo(
        f"{'epsilon':<18} {found.epsilon:.3f} at delta {found.delta:.2g} ({found.accountant})\n"
        f"{'noise multiplier':<18} {found.noise_multiplier:.4f}\n"
        f"{'batch size':<18} {found.batch_size} of {found.units} on average, drawn anew each step\n"
        f"{'noise-batch ratio':<18} {found.noise_batch_ratio:.4f}\n"
        f"{'passes':<18} {found.steps * found.batch_size / found.units:.1f} in {steps} steps"
    )
    click.echo(
        "\nOf somebody who knows everything but whether one unit was there:\n"
        f"- held both for equally likely, they become at most {bounds.certainty:.2%} sure;\n"
        f"- taking one stranger in a hundred for a unit, they recognise at most "
        f"{bounds.found_at_one_percent:.2%} of the units;\n"
        f"- a secret of a million that stands in one unit they guess at once with at most "
        f"{bounds.guessed:.2g}."
    )


@privacy.command()
@AS_JSON
def ledger(as_json: bool) -> None:
    """Show what all releases together promise of each source, and what the newest model adds.

    \b
    Examples:
      amodels privacy ledger
      AMODELS_PRIVACY_BUDGET=8 amodels privacy ledger --json
    """
    from amodels_assets.artifacts import ArtifactStore
    from amodels_assets.privacy.ledger import (
        beyond_budget,
        candidate_entries,
        released_entries,
        totals,
    )
    from amodels_assets.settings import from_environment

    settings = from_environment()
    store = ArtifactStore(settings.artifacts_path())
    released, candidate = released_entries(store), candidate_entries(store)
    sums, with_candidate = totals(released), totals([*released, *candidate])
    budget = settings.privacy_budget
    problems = [] if budget is None else beyond_budget(released, candidate, budget)
    if as_json:
        content = {
            "released": [entry.to_json() for entry in released],
            "candidate": [entry.to_json() for entry in candidate],
            "totals": [total.to_json() for total in sums],
            "totals_with_candidate": [total.to_json() for total in with_candidate],
            "budget": budget,
            "beyond_budget": problems,
        }
        click.echo(json.dumps(content, indent=2, sort_keys=True))
        return
    if not released:
        click.echo("Nothing is released yet.")
    for entry in released:
        stated = entry.statement
        promise = f"epsilon {stated.epsilon:.3f} a {stated.unit}" if stated else "no promise"
        click.echo(f"{entry.release:<40} {entry.source:<32} {promise}")
    for total in sums:
        click.echo(f"{total.source}: {_told(total)}")
    if candidate:
        click.echo(f"With {candidate[0].checkpoint} {candidate[0].version[:12]} released as well:")
        for total in with_candidate:
            click.echo(f"{total.source}: {_told(total)}")
    click.echo("No budget is set." if budget is None else f"The budget is {budget:g}.")
    for problem in problems:
        click.echo(f"The newest would be beyond it: {problem}")


def _told(total: Total) -> str:
    if total.how == "unbounded":
        return f"no bound, a release was trained without differential privacy ({total.releases})"
    how = "sum" if total.how == "sum" else f"composed by the {total.how} accountant"
    return (
        f"epsilon {total.epsilon:.3f}, delta {total.delta:.2g} a {total.unit} "
        f"({total.releases} checkpoints, {how})"
    )


@privacy.command()
@click.option("--epsilon", default=2.0, show_default=True, help="Of the private training.")
@click.option("--delta", default=1e-6, show_default=True, help="Of the private training.")
@click.option("--canaries", default=64, show_default=True, help="Secrets that are planted.")
@click.option("--sequences", default=448, show_default=True, help="Ordinary ones beside them.")
@click.option("--steps", default=300, show_default=True, help="Of each training.")
@click.option("--seed", default=0, show_default=True, help="Of secrets, weights and orders.")
@AS_JSON
def memorisation(
    *,
    epsilon: float,
    delta: float,
    canaries: int,
    sequences: int,
    steps: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure how much a small model memorises, with and without differential privacy.

    Secrets are planted in made sequences, a model is trained twice from random weights by the code
    that trains the others, and each secret's rank among all possible ones is taken.

    \b
    Examples:
      amodels privacy memorisation
      amodels privacy memorisation --epsilon 8 --canaries 128 --json
    """
    from amodels_assets.privacy.canaries import plant
    from amodels_assets.privacy.memorisation import measure, usual_config
    from amodels_assets.privacy.settings import PrivacySettings

    planted, config = plant(sequences, canaries, seed), usual_config(steps, seed)
    found = {
        "without": measure(planted, config, None),
        "with": measure(planted, config, PrivacySettings(epsilon=epsilon, delta=delta)),
    }
    if as_json:
        shown = {name: one.to_json() for name, one in found.items()}
        click.echo(json.dumps(shown, indent=2, sort_keys=True))
        return
    plain = found["without"].exposures
    click.echo(
        f"{plain.canaries} canaries, {plain.candidates} possible secrets each: mean exposure by "
        f"chance {plain.chance:.2f} bits, at most {plain.at_most:.2f}"
    )
    for name, one in found.items():
        click.echo(_measured(name, one))
    slower = found["with"].seconds / found["without"].seconds
    worse = found["with"].validation_loss - found["without"].validation_loss
    click.echo(f"Privacy costs {slower:.1f} times the time and {worse:+.3f} of validation loss.")


def _measured(name: str, one: Measured) -> str:
    found, stated = one.exposures, one.statement
    title = f"epsilon {stated.epsilon:.2f}" if stated else f"{name} privacy"
    return (
        f"{title:<18} {found.mean:5.2f} bits ({found.low:.2f} to {found.high:.2f}), "
        f"p={found.p_value:.2g}, {found.first} guessed at once: {found.verdict}; "
        f"validation loss {one.validation_loss:.3f}, {one.seconds:.0f} s"
    )
