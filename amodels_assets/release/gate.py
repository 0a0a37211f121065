"""The gate's rules, as a pure function of evidence: a candidate is released or it is said why not.

Belongs here: what a candidate has to show. Does not belong here: collecting the evidence
(``evidence.py``) and writing the release manifest (``manifest.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

CHANCE_AUROC = 0.5


@dataclass(frozen=True)
class Score:
    """A score with what is needed to judge it.

    Attributes:
        metric: ``auroc``.
        value: Point estimate.
        low: Lower end of the 95 % bootstrap interval.
        high: Upper end.
        n: Test rows.
        positives: Test rows with a positive label.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    positives: int
    seed: int
    resamples: int


@dataclass(frozen=True)
class Evidence:
    """All that the gate looks at.

    Attributes:
        checkpoint_version: Data version of the candidate.
        scored_checkpoint_version: Data version of the checkpoint that the scores belong to.
        score: The candidate's score on the test split.
        missing_checks: Required checks without a record for these very versions.
        failed_checks: Blocking checks whose record for these versions is a failure.
        incumbent: Name of the release to beat, None when there is none.
        gain: Candidate minus incumbent on the same test rows: value, low, high; None without one.
    """

    checkpoint_version: str
    scored_checkpoint_version: str
    score: Score
    missing_checks: tuple[str, ...]
    failed_checks: tuple[str, ...]
    incumbent: str | None
    gain: tuple[float, float, float] | None


@dataclass(frozen=True)
class RuleOutcome:
    """One rule of the gate, whether the candidate meets it, and the figures."""

    rule: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Decision:
    """The gate's answer. ``accepted`` when every rule is met."""

    accepted: bool
    rules: tuple[RuleOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON-serialisable data."""
        return asdict(self)

    def reasons(self) -> str:
        """One line a rule, for people."""
        return "\n".join(
            f"- {'met' if r.passed else '**not met**'}: {r.rule}: {r.detail}" for r in self.rules
        )


def decide(evidence: Evidence) -> Decision:
    """Apply every rule; all are reported, not only the first that fails."""
    rules = (
        checks_passed(evidence.missing_checks, evidence.failed_checks),
        _scores_belong(evidence),
        _better_than_chance(evidence.score),
        _beats_incumbent(evidence),
    )
    return Decision(all(rule.passed for rule in rules), rules)


def checks_passed(missing: Iterable[str], failed: Iterable[str]) -> RuleOutcome:
    """The rule on blocking checks, of :func:`audit_checks`."""
    problems = [f"{name} failed" for name in failed]
    problems += [f"{name} has not run on this version" for name in missing]
    return RuleOutcome(
        "all blocking checks passed", not problems, "; ".join(problems) or "all are on record"
    )


def _scores_belong(evidence: Evidence) -> RuleOutcome:
    same = evidence.checkpoint_version == evidence.scored_checkpoint_version
    detail = (
        f"checkpoint {evidence.checkpoint_version[:12]}, "
        f"scored {evidence.scored_checkpoint_version[:12]}"
    )
    return RuleOutcome("the scores are the candidate's own", same, detail)


def _better_than_chance(score: Score) -> RuleOutcome:
    detail = (
        f"{score.metric} {score.value:.4f}, 95 % interval {score.low:.4f} to {score.high:.4f}, "
        f"n={score.n}; chance is {CHANCE_AUROC}"
    )
    return RuleOutcome("the score is above chance", score.low > CHANCE_AUROC, detail)


def _beats_incumbent(evidence: Evidence) -> RuleOutcome:
    rule = "the score beats the released one"
    if evidence.incumbent is None or evidence.gain is None:
        return RuleOutcome(rule, True, "nothing is released yet")
    value, low, high = evidence.gain
    detail = (
        f"gain over {evidence.incumbent} on the same test rows {value:+.4f}, "
        f"95 % interval {low:+.4f} to {high:+.4f}"
    )
    return RuleOutcome(rule, value > 0, detail)


def audit_checks(
    required: Iterable[tuple[str, str]],
    records: Mapping[tuple[str, str], bool],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare required checks with those on record.

    Args:
        required: Pairs of artifact and check that must have passed.
        records: Outcomes that were recorded for the versions in question, of blocking checks.

    Returns:
        Names that are missing, names that failed; both sorted.
    """
    missing = sorted(f"{a}:{c}" for a, c in required if (a, c) not in records)
    failed = sorted(f"{a}:{c}" for (a, c), passed in records.items() if not passed)
    return tuple(missing), tuple(failed)
