"""Our scorer gives what lm-eval's own gives."""

from __future__ import annotations

import random
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from amodels_assets.evaluation.language.scorer import TreeScorer
from tests.unit.evaluation.language import models

UNTIL = {"until": [";", "day"], "max_gen_toks": 12, "do_sample": False}


def instances(kind: str, arguments: list[tuple[Any, ...]]) -> list[Instance]:
    return [Instance(kind, {}, pair, number) for number, pair in enumerate(arguments)]


def pairs(prefix: str = "") -> list[tuple[str, str]]:
    rng = random.Random(5)
    found = []
    for _ in range(12):
        context = prefix + models.sentence(rng, 1, 5)
        beginning = models.sentence(rng, 1, 2)
        # Alike at first, one token alone, and another.
        found += [
            (context, f" {beginning} {models.sentence(rng, 1, 3)}"),
            (context, f" {beginning} {models.sentence(rng, 1, 3)}"),
            (context, " a"),
            (context, f" {models.sentence(rng, 2, 6)}"),
        ]
    return [*found, ("", " the table")]


def close(ours: list[tuple[float, bool]], theirs: list[tuple[float, bool]]) -> None:
    assert [same for _, same in ours] == [same for _, same in theirs]
    for (mine, _), (other, _) in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, abs=2e-4)


@pytest.mark.parametrize("prefix", ["", "one row per account and day; the view joins accounts "])
@pytest.mark.parametrize("family", ["llama", "gemma", "vault_gemma"])
def test_the_scores_are_lm_evals(family: str, prefix: str) -> None:
    if family == "vault_gemma":
        model, tokenizer = models.vault_gemma(), models.llama()[1]
    else:
        model, tokenizer = getattr(models, family)()
    ours = TreeScorer(model, tokenizer)
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu")
    assert ours.shares
    asked = instances("loglikelihood", pairs(prefix))
    close(
        ours.loglikelihood(asked, disable_tqdm=True), theirs.loglikelihood(asked, disable_tqdm=True)
    )
    assert ours.computed < 0.6 * ours.given
    assert ours.truncated == 0


def test_what_does_not_fit_is_cut_as_lm_eval_cuts_it() -> None:
    model, tokenizer = models.llama()
    ours = TreeScorer(model, tokenizer)
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu")
    long = "the table holds " * 60
    asked = instances("loglikelihood", [(long, " one row"), (long, " a day"), ("the", " view")])
    close(
        ours.loglikelihood(asked, disable_tqdm=True), theirs.loglikelihood(asked, disable_tqdm=True)
    )
    assert ours.truncated == 2


def test_a_model_that_masks_otherwise_is_asked_as_lm_eval_asks_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, tokenizer = models.llama()
    base = type(model.base_model)
    forward = base.forward

    def with_its_own_mask(self: Any, *given: Any, **named: Any) -> Any:
        return forward(self, *given, **{k: v for k, v in named.items() if k != "attention_mask"})

    monkeypatch.setattr(base, "forward", with_its_own_mask)
    ours = TreeScorer(model, tokenizer)
    assert not ours.shares
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu")
    asked = instances("loglikelihood", pairs())
    close(
        ours.loglikelihood(asked, disable_tqdm=True), theirs.loglikelihood(asked, disable_tqdm=True)
    )


@pytest.mark.parametrize("prefix", ["", "one row per account and day; the view joins accounts "])
@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_greedy_answers_are_lm_evals(family: str, prefix: str) -> None:
    model, tokenizer = getattr(models, family)()
    ours = TreeScorer(model, tokenizer)
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1, device="cpu")
    rng = random.Random(6)
    prompts = [(prefix + models.sentence(rng, 1, 8), dict(UNTIL)) for _ in range(10)]
    asked = instances("generate_until", prompts)
    found = ours.generate_until(asked)
    assert found == theirs.generate_until(asked, disable_tqdm=True)
    assert len({len(text) for text in found}) > 1


def test_draws_depend_on_their_own_prompt_and_seed() -> None:
    model, tokenizer = models.llama()
    ours = TreeScorer(model, tokenizer)
    settings = {**UNTIL, "do_sample": True, "temperature": 0.9, "top_p": 0.95, "seed": 3}
    prompts = [("the table holds", settings), ("one row per", settings), ("a day", settings)]
    together = ours.generate_until(instances("generate_until", prompts))
    alone = [ours.generate_until(instances("generate_until", [one]))[0] for one in prompts]
    assert together == alone
    other = [(prompt, {**settings, "seed": 4}) for prompt, _ in prompts]
    assert ours.generate_until(instances("generate_until", other)) != together


def test_a_small_top_p_is_greedy() -> None:
    model, tokenizer = models.llama()
    ours = TreeScorer(model, tokenizer)
    drawn = {**UNTIL, "do_sample": True, "temperature": 1.0, "top_p": 1e-6}
    texts = [
        ours.generate_until(instances("generate_until", [("the view joins", settings)]))
        for settings in (UNTIL, drawn)
    ]
    assert texts[0] == texts[1]
