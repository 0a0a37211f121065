"""The gate's rules for language models, as a pure function of evidence.

Belongs here: what a candidate has to show. Does not belong here: collecting the evidence
(``language_evidence.py``).

A candidate has to be better at what it is for, the questions about the catalog, and not worse at
what others measure. Both are judged item by item against what is released, or the base model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amodels_assets.evaluation.language.board import Compared
from amodels_assets.evaluation.language.comparison import LEVEL, Comparison
from amodels_assets.release.gate import Decision, RuleOutcome, checks_passed


@dataclass(frozen=True)
class LanguageEvidence:
    """All that the gate looks at.

    Attributes:
        candidate: Name with the beginning of the version.
        candidate_version: SHA-256 over its files.
        scored: Whether there are scores of this very version on catalog-qa.
        missing_checks: Required checks without a record for these very versions.
        failed_checks: Blocking checks whose record for these versions is a failure.
        reference: What it is compared with: the release that is served, or the base model.
        incumbent: Name of the release that it would take over from; None when there is none.
        catalog: Candidate against reference on catalog-qa; None where they were not scored on the
            same items.
        public: The same on each public set that both were scored on.
        beyond_budget: What the privacy budget forbids, a sentence each.
    """

    candidate: str
    candidate_version: str
    scored: bool
    missing_checks: tuple[str, ...]
    failed_checks: tuple[str, ...]
    reference: str
    incumbent: str | None
    catalog: Comparison | None
    public: tuple[Compared, ...]
    beyond_budget: tuple[str, ...] = ()


def decide_language(evidence: LanguageEvidence) -> Decision:
    """Apply every rule; all are reported, not only the first that fails."""
    rules = (
        checks_passed(evidence.missing_checks, evidence.failed_checks),
        _scores_belong(evidence),
        _gains(evidence),
        _loses_nowhere(evidence),
        _keeps_budget(evidence),
    )
    return Decision(all(rule.passed for rule in rules), rules)


def _scores_belong(evidence: LanguageEvidence) -> RuleOutcome:
    detail = f"{evidence.candidate} was {'' if evidence.scored else 'not '}scored on catalog-qa"
    return RuleOutcome("the scores are the candidate's own", evidence.scored, detail)


def _gains(evidence: LanguageEvidence) -> RuleOutcome:
    rule = "a significant gain on catalog-qa"
    found = evidence.catalog
    if found is None:
        detail = f"{evidence.reference} was not scored on the same questions: score both again"
        return RuleOutcome(rule, False, detail)
    return RuleOutcome(
        rule, found.significant and found.difference > 0, _told(found, evidence.reference, found.p)
    )


def _loses_nowhere(evidence: LanguageEvidence) -> RuleOutcome:
    rule = "no significant loss on a public set"
    if not evidence.public:
        detail = (
            f"{evidence.candidate} and {evidence.reference} were scored on no public set together: "
            "set AMODELS_EVAL_DIR and score them"
        )
        return RuleOutcome(rule, False, detail)
    lost = lost_on(evidence.public)
    shown = lost or evidence.public
    detail = "; ".join(
        f"{one.comparison.benchmark}: {_told(one.comparison, evidence.reference, one.adjusted_p)}"
        for one in shown
    )
    return RuleOutcome(rule, not lost, detail)


def _keeps_budget(evidence: LanguageEvidence) -> RuleOutcome:
    problems = evidence.beyond_budget
    return RuleOutcome(
        "the privacy budget is kept",
        not problems,
        "; ".join(problems) or "no source is beyond it, or none is set",
    )


def lost_on(public: Sequence[Compared]) -> tuple[Compared, ...]:
    """Sets with a loss that is no chance, also for being one of several sets (Holm)."""
    return tuple(one for one in public if one.comparison.difference < 0 and one.adjusted_p < LEVEL)


def _told(found: Comparison, reference: str, p: float) -> str:
    return (
        f"{found.difference:+.3f} over {reference}, 95 % interval {found.low:+.3f} to "
        f"{found.high:+.3f}, {found.gained} gained and {found.lost} lost of {found.n}, p={p:.2g}"
    )
