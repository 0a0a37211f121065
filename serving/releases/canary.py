"""Whether a server answers as the release's model did when it was released.

Belongs here: the stored answers, and judging a server's answers by them. Does not belong here:
asking (``asking.py``).

The stored answers, ``canary.json`` of the release, are of the platform's own scoring backend. Each
prompt has the log-probability of each of its tokens, which a wrong model misses on nearly all of
them, and the greedy answer with the lead that each token had over the next likely one: where two
are nearly as likely, another precision may rightly choose the other.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from serving.releases.settings import ReleaseSettings


@dataclass(frozen=True)
class Check:
    """Something that a release has to show.

    Attributes:
        check: Its name.
        passed: Whether it did.
        detail: A sentence with the figures.
    """

    check: str
    passed: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """For a record."""
        return asdict(self)


@dataclass(frozen=True)
class StoredPrompt:
    """A prompt and what the model made of it when it was released.

    Attributes:
        text: The prompt.
        tokens: Its tokens' numbers.
        logprobs: Of each token after those before it; nothing for the first.
        answer: Tokens of the greedy answer.
        leads: Of each of these over the next likely token, in nats.
        ended: Whether the answer's last token is the one that ends texts.
    """

    text: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    answer: tuple[int, ...]
    leads: tuple[float, ...]
    ended: bool


@dataclass(frozen=True)
class Answer:
    """What a server answered to a prompt.

    Attributes:
        tokens: Of the prompt, as the server has them.
        logprobs: Of each token but the first.
        answer: Tokens that it answered.
        seconds: That it took.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    answer: tuple[int, ...]
    seconds: float


def read_canary(raw: Any) -> tuple[StoredPrompt, ...]:
    """The stored answers.

    Raises:
        ValueError: They cannot be understood, or there are none.
    """
    try:
        if raw["schema_version"] != 1:
            raise ValueError(f"canary.json has schema_version {raw['schema_version']!r}, not 1")
        found = tuple(_prompt(entry) for entry in raw["prompts"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"canary.json cannot be understood: {error!r}") from error
    if not found:
        raise ValueError("canary.json has no prompts")
    return found


def judge_answers(
    stored: Sequence[StoredPrompt], answers: Sequence[Answer], settings: ReleaseSettings
) -> tuple[list[Check], dict[str, float]]:
    """Compare answers with the stored ones, one a prompt.

    Returns:
        Checks, and figures by name.
    """
    pairs = list(zip(stored, answers, strict=True))
    other = [s.text for s, a in pairs if s.tokens != a.tokens]
    tokens = Check(
        "tokens",
        not other,
        f"{len(other)} of {len(pairs)} prompts have other tokens than the released tokenizer made"
        + (f", {other[0]!r:.60} among them" if other else ""),
    )
    if other:
        # Log-probabilities of other tokens mean nothing.
        return [tokens], {}
    far = [
        abs(expected - found)
        for s, a in pairs
        for expected, found in zip(s.logprobs, a.logprobs, strict=True)
    ]
    mean = statistics.fmean(far) if far else float("inf")
    close = Check(
        "log-probabilities",
        mean <= settings.logprob_tolerance,
        f"{len(far)} tokens of the prompts are {mean:.4f} nats from the stored ones in the mean, "
        f"{max(far, default=float('inf')):.4f} at most; {settings.logprob_tolerance:g} is allowed",
    )
    wrong = [s.text for s, a in pairs if departs(s, a.answer, settings.tie)]
    same = Check(
        "answers",
        not wrong,
        f"{len(pairs) - len(wrong)} of {len(pairs)} greedy answers are the stored ones"
        + (f"; another one to {wrong[0]!r:.60}" if wrong else ""),
    )
    figures = {"logprob_difference": round(mean, 6), "answers_departing": float(len(wrong))}
    return [tokens, close, same], figures


def departs(stored: StoredPrompt, answer: Sequence[int], tie: float) -> bool:
    """Whether an answer goes another way where the stored one was not nearly undecided."""
    for place, (token, lead) in enumerate(zip(stored.answer, stored.leads, strict=True)):
        if place < len(answer) and answer[place] == token:
            continue
        if stored.ended and place == len(stored.answer) - 1 and len(answer) == place:
            return False  # Servers may leave out the token that ends the text.
        # After an undecided place the two answers have nothing in common to be compared.
        return lead > tie
    return False


def judge_seconds(
    mine: Sequence[float], theirs: Sequence[float], settings: ReleaseSettings
) -> tuple[Check, dict[str, float]]:
    """Compare how long a release and the old one took, the same prompts in turn.

    Args:
        mine: Best time of each prompt, of the release.
        theirs: The same of the old release.
        settings: What is allowed.
    """
    ours, others = statistics.median(mine), statistics.median(theirs)
    found, ratio = ours / others if others else float("inf"), settings.slowest_ratio
    check = Check(
        "latency",
        found <= ratio or ours - others <= settings.noise_seconds,
        f"a prompt takes {ours * 1000:.1f} ms and {others * 1000:.1f} ms with the old release, "
        f"{found:.2f} times as long; {ratio:g} times is allowed",
    )
    return check, {"seconds": ours, "old_seconds": others, "seconds_ratio": found}


def _prompt(entry: Any) -> StoredPrompt:
    found = StoredPrompt(
        text=str(entry["text"]),
        tokens=tuple(int(t) for t in entry["tokens"]),
        logprobs=tuple(float(p) for p in entry["logprobs"]),
        answer=tuple(int(t) for t in entry["answer"]),
        leads=tuple(float(p) for p in entry["leads"]),
        ended=bool(entry["ended"]),
    )
    if len(found.logprobs) != len(found.tokens) - 1 or len(found.leads) != len(found.answer):
        raise ValueError(f"canary.json: the figures of {found.text!r:.60} do not fit its tokens")
    if not found.logprobs or not found.answer:
        raise ValueError(f"canary.json: {found.text!r:.60} has nothing to be compared with")
    return found
