"""Which conditions hold, and whether a job's wait is over.

Belongs here: the expression that a job waits for, and the conditions that jobs have added and
deleted. Does not belong here: where those are recorded (``ledger.py``).

A condition is a name and an order date. A date rule says which order date is meant: ``ODAT`` the
job's own, ``PREV`` the day before, ``STAT`` and ``****`` any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

ANY_DATE = frozenset(("STAT", "****", "$$$$"))
Held = set[tuple[str, date | None]]


class ConditionError(ValueError):
    """An expression whose parentheses or operators do not fit together."""


@dataclass(frozen=True)
class Wait:
    """What a job waits for.

    Attributes:
        tokens: Condition names with ``AND``, ``OR`` and parentheses between.
        rules: Date rule by condition name; ``ODAT`` where it has none.
    """

    tokens: tuple[str, ...]
    rules: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, rules: Mapping[str, str]) -> Wait:
        """Read an expression such as ``A AND ( B OR C )``.

        Raises:
            ConditionError: It is none.
        """
        wait = cls(tuple(text.split()), rules)
        wait.is_over(set(), date.min)
        return wait

    @property
    def names(self) -> list[str]:
        """The conditions in it."""
        return [token for token in self.tokens if token not in ("AND", "OR", "(", ")")]

    def is_over(self, held: Held, order_date: date) -> bool:
        """Whether the conditions that hold are enough for one order date.

        ``AND`` binds before ``OR``.

        Raises:
            ConditionError: The expression is none.
        """
        value, rest = self._alternatives(list(self.tokens), held, order_date)
        if rest:
            raise ConditionError(f"{rest[0]!r} is left over in {' '.join(self.tokens)!r}")
        return value

    def _alternatives(
        self, tokens: list[str], held: Held, order_date: date
    ) -> tuple[bool, list[str]]:
        value, tokens = self._all(tokens, held, order_date)
        while tokens and tokens[0] == "OR":
            other, tokens = self._all(tokens[1:], held, order_date)
            value = value or other
        return value, tokens

    def _all(self, tokens: list[str], held: Held, order_date: date) -> tuple[bool, list[str]]:
        value, tokens = self._one(tokens, held, order_date)
        while tokens and tokens[0] == "AND":
            other, tokens = self._one(tokens[1:], held, order_date)
            value = value and other
        return value, tokens

    def _one(self, tokens: list[str], held: Held, order_date: date) -> tuple[bool, list[str]]:
        if not tokens or tokens[0] in ("AND", "OR", ")"):
            raise ConditionError(f"a condition is missing in {' '.join(self.tokens)!r}")
        if tokens[0] != "(":
            return holds(tokens[0], self.rules.get(tokens[0], "ODAT"), held, order_date), tokens[1:]
        value, rest = self._alternatives(tokens[1:], held, order_date)
        if not rest or rest[0] != ")":
            raise ConditionError(f"a parenthesis is not closed in {' '.join(self.tokens)!r}")
        return value, rest[1:]


def holds(name: str, rule: str, held: Held, order_date: date) -> bool:
    """Whether a condition holds for an order date; one without a date holds for all."""
    if (name, None) in held:
        return True
    if rule in ANY_DATE:
        return any(known == name for known, _ in held)
    wanted = order_date if order_date == date.min or rule != "PREV" else order_date - timedelta(1)
    return (name, wanted) in held


@dataclass(frozen=True)
class Change:
    """A condition added or deleted.

    Attributes:
        name: The condition.
        rule: Date rule.
        order_date: Of the job that did it, None for a condition set without a date.
        added: Or deleted.
    """

    name: str
    rule: str
    order_date: date | None
    added: bool


def apply(changes: Iterable[Change], held: Held | None = None) -> Held:
    """The conditions that hold after some changes, in their order."""
    result = set(held or ())
    for change in changes:
        day = change.order_date
        if change.rule in ANY_DATE:
            day = None
        elif change.rule == "PREV" and day is not None:
            day -= timedelta(1)
        if change.added:
            result.add((change.name, day))
        elif change.rule in ANY_DATE:
            result = {known for known in result if known[0] != change.name}
        else:
            result.discard((change.name, day))
    return result
