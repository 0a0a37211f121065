"""What a server's answers come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.releases.canary import (
    Answer,
    StoredPrompt,
    departs,
    judge_answers,
    judge_seconds,
    read_canary,
)
from serving.releases.settings import ReleaseSettings

STORED = StoredPrompt("a b c", (1, 2, 3), (-1.0, -2.0), (7, 8, 9), (2.0, 0.1, 2.0), ended=True)
GOOD = Answer((1, 2, 3), (-1.01, -2.02), (7, 8, 9), 0.1)
SETTINGS = ReleaseSettings()


def failed(answer: Answer) -> list[str]:
    checks, _ = judge_answers([STORED], [answer], SETTINGS)
    return [check.check for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"tokens": (1, 2, 4)}, ["tokens"]),
        ({"logprobs": (-1.3, -2.3)}, ["log-probabilities"]),
        ({"logprobs": (float("nan"), -2.0)}, ["log-probabilities"]),
        ({"answer": (6, 8, 9)}, ["answers"]),
        # Where two tokens were nearly as likely, either will do, and what follows is another text.
        ({"answer": (7, 5, 5)}, []),
        ({"answer": (7, 8)}, []),
        ({"answer": (7,)}, []),
        ({"answer": ()}, ["answers"]),
    ],
)
def test_each_check_can_fail(change: dict[str, Any], expected: list[str]) -> None:
    assert failed(replace(GOOD, **change)) == expected


def test_an_answer_that_goes_on_is_another_one() -> None:
    undecided = replace(STORED, leads=(2.0, 2.0, 2.0))
    assert not departs(undecided, (7, 8), SETTINGS.tie)
    assert departs(undecided, (7, 8, 5), SETTINGS.tie)
    assert departs(replace(undecided, ended=False), (7, 8), SETTINGS.tie)


def test_slower_is_told_from_noise() -> None:
    assert not judge_seconds([0.3], [0.1], SETTINGS)[0].passed
    assert judge_seconds([0.19], [0.1], SETTINGS)[0].passed
    assert judge_seconds([0.015], [0.001], SETTINGS)[0].passed
    # The middle of the prompts counts.
    assert judge_seconds([0.1, 0.1, 5.0], [0.1, 0.1, 0.1], SETTINGS)[0].passed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"logprobs": [-1.0]}, "do not fit"),
        ({"leads": []}, "do not fit"),
        ({"answer": [], "leads": []}, "nothing to be compared"),
        ({"tokens": None}, "cannot be understood"),
    ],
)
def test_stored_answers_that_are_none(change: dict[str, Any], says: str) -> None:
    entry = {"text": "a b c", "tokens": [1, 2, 3], "logprobs": [-1.0, -2.0], "answer": [7],
             "leads": [2.0], "ended": False}  # fmt: skip
    assert read_canary({"schema_version": 1, "prompts": [entry]})[0].answer == (7,)
    with pytest.raises(ValueError, match=says):
        read_canary({"schema_version": 1, "prompts": [{**entry, **change}]})
    with pytest.raises(ValueError, match="schema_version"):
        read_canary({"schema_version": 2, "prompts": [entry]})
    with pytest.raises(ValueError, match="no prompts"):
        read_canary({"schema_version": 1, "prompts": []})
