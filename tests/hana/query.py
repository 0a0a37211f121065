"""Queries and changes of rows, by the grammar of SAP's SQL reference; nothing else passes.

SAP HANA tells conditions from values: a comparison is no value, and a value is no condition.
Belongs here: whether a statement is one. Does not belong here: what it gives (``engine.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.hana.functions import FUNCTIONS
from tests.hana.reader import GrammarError, Reader

_COMPARISONS = ("=", "<>", "!=", "<=", ">=", "<", ">")
_CONSTANTS = (
    "NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER",
    "CURRENT_TRANSACTION_ISOLATION_LEVEL",
)  # fmt: skip
# Words in front of a parenthesis that are no functions.
_OPERATORS = ("AND", "EXISTS", "IN", "NOT", "OR")
# Words that may follow a source or a value where an alias could stand; not reserved by SAP.
_NO_ALIAS = ("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "OUTER", "SET", "VALUES")


class UnknownFunctionError(GrammarError):
    """SAP HANA has no such function, or it takes other arguments."""

    number = 328


def check(reader: Reader) -> None:
    """Read a query or a change of rows to its end.

    Raises:
        GrammarError: It is none.
    """
    parser = _Parser(reader)
    if reader.word("INSERT", "INTO"):
        parser.insert()
    elif reader.word("DELETE", "FROM"):
        reader.place()
        parser.where()
    elif reader.word("UPDATE"):
        parser.update()
    else:
        parser.query()
    reader.end()


def taken(reader: Reader) -> str:
    """Read a query to its end, and give its text."""
    text = reader.rest()
    _Parser(reader).query()
    return text


class _Parser:
    """By recursive descent."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # Where a value was looked for in vain: parentheses may hold a condition instead.
        self._no_value: set[int] = set()

    def insert(self) -> None:
        self._reader.place()
        names = self._reader.names()
        if not self._reader.word("VALUES"):
            self.query()
            return
        self._reader.need("(")
        if self._list(self.value) != len(names):
            raise GrammarError("sql syntax error: not as many values as columns")
        self._reader.need(")")

    def update(self) -> None:
        self._reader.place()
        self._reader.need("SET")
        self._list(self._assignment)
        self.where()

    def _assignment(self) -> None:
        self._reader.name()
        self._reader.need("=")
        self.value()

    def where(self) -> None:
        if self._reader.word("WHERE"):
            self.condition()

    def _list(self, read: Callable[[], object]) -> int:
        count = 1
        read()
        while self._reader.word(","):
            read()
            count += 1
        return count

    def query(self) -> None:
        if self._reader.word("WITH"):
            self._list(self._common)
        self._term()
        while any(self._reader.word(w) for w in ("UNION", "INTERSECT", "EXCEPT", "MINUS")):
            self._reader.word("ALL") or self._reader.word("DISTINCT")
            self._term()
        self._order()
        if self._reader.word("LIMIT"):
            self._count()
            if self._reader.word("OFFSET"):
                self._count()

    def _count(self) -> None:
        if not self._reader.word("?"):
            self._reader.number()

    def _common(self) -> None:
        self._reader.name()
        if self._reader.ahead("("):
            self._reader.names()
        self._reader.need("AS", "(")
        self.query()
        self._reader.need(")")

    def _term(self) -> None:
        reader = self._reader
        if reader.word("("):
            self.query()
            reader.need(")")
            return
        reader.need("SELECT")
        reader.word("DISTINCT") or reader.word("ALL")
        self._list(self._item)
        # There is no query without a source: that is what DUMMY is for.
        reader.need("FROM")
        self._list(self._source)
        self.where()
        if reader.word("GROUP", "BY"):
            self._list(self.value)
        if reader.word("HAVING"):
            self.condition()

    def _item(self) -> None:
        if self._reader.word("*"):
            return
        self.value(star=True)
        self._alias()

    def _alias(self) -> bool:
        if self._reader.word("AS"):
            self._reader.name()
            return True
        if any(self._reader.ahead(word) for word in _NO_ALIAS):
            return False
        return self._reader.try_name()

    def _source(self) -> None:
        self._relation()
        while True:
            if self._reader.word("CROSS", "JOIN"):
                self._relation()
                continue
            side = any(self._reader.word(word) for word in ("LEFT", "RIGHT", "FULL"))
            if side:
                self._reader.word("OUTER")
            elif not self._reader.word("INNER") and not self._reader.ahead("JOIN"):
                return
            self._reader.need("JOIN")
            self._relation()
            self._reader.need("ON")
            self.condition()

    def _relation(self) -> None:
        if self._reader.word("("):
            self.query()
            self._reader.need(")")
        else:
            self._reader.place()
        self._alias()

    def condition(self) -> None:
        self._conjunction()
        while self._reader.word("OR"):
            self._conjunction()

    def _conjunction(self) -> None:
        self._negation()
        while self._reader.word("AND"):
            self._negation()

    def _negation(self) -> None:
        if self._reader.word("NOT"):
            self._negation()
        else:
            self._predicate()

    def _predicate(self) -> None:
        reader = self._reader
        if reader.word("EXISTS", "("):
            self.query()
            reader.need(")")
            return
        at = reader.at
        if at not in self._no_value:
            try:
                self.value()
                self._comparison()
            except UnknownFunctionError:
                raise
            except GrammarError:
                if not self._is_parenthesis(at):
                    raise
                self._no_value.add(at)
            else:
                return
        reader.at = at
        reader.need("(")
        self.condition()
        reader.need(")")

    def _is_parenthesis(self, at: int) -> bool:
        self._reader.at, before = at, self._reader.at
        found = self._reader.ahead("(")
        self._reader.at = before
        return found

    def _comparison(self) -> None:
        reader = self._reader
        if any(reader.word(sign) for sign in _COMPARISONS):
            self.value()
        elif reader.word("IS"):
            reader.word("NOT")
            reader.need("NULL")
        else:
            reader.word("NOT")
            if reader.word("IN", "("):
                if reader.ahead("SELECT") or reader.ahead("WITH"):
                    self.query()
                else:
                    self._list(self.value)
                reader.need(")")
            elif reader.word("BETWEEN"):
                self.value()
                reader.need("AND")
                self.value()
            else:
                reader.need("LIKE")
                self.value()
                if reader.word("ESCAPE"):
                    self.value()

    def value(self, *, star: bool = False) -> None:
        self._product(star=star)
        while any(self._reader.word(sign) for sign in ("+", "-", "||")):
            self._product()

    def _product(self, *, star: bool = False) -> None:
        self._signed(star=star)
        while any(self._reader.word(sign) for sign in ("*", "/")):
            self._signed()

    def _signed(self, *, star: bool = False) -> None:
        if not self._reader.word("-"):
            self._reader.word("+")
        self._primary(star=star)

    def _primary(self, *, star: bool) -> None:
        reader = self._reader
        if reader.word("?") or any(reader.word(word) for word in _CONSTANTS):
            return
        if reader.try_take("number", "text"):
            return
        if reader.word("("):
            if reader.ahead("SELECT") or reader.ahead("WITH"):
                self.query()
            else:
                self.value()
            reader.need(")")
        elif reader.word("CASE"):
            self._case()
        elif reader.word("CAST", "("):
            self.value()
            reader.need("AS")
            reader.type()
            reader.need(")")
        elif reader.is_call() and not any(reader.ahead(word) for word in _OPERATORS):
            self._call()
        else:
            self._column(star=star)

    def _case(self) -> None:
        simple = not self._reader.ahead("WHEN")
        if simple:
            self.value()
        self._reader.need("WHEN")
        while True:
            self.value() if simple else self.condition()
            self._reader.need("THEN")
            self.value()
            if not self._reader.word("WHEN"):
                break
        if self._reader.word("ELSE"):
            self.value()
        self._reader.need("END")

    def _call(self) -> None:
        reader = self._reader
        name = reader.take("word").text.upper()
        reader.need("(")
        if name not in FUNCTIONS:
            raise UnknownFunctionError(f"invalid name of function or procedure: {name}")
        least, most, aggregate = FUNCTIONS[name]
        count = 0
        if aggregate and reader.word("*"):
            count = 1
        elif not reader.ahead(")"):
            if aggregate:
                reader.word("DISTINCT")
            count = self._list(self.value)
        reader.need(")")
        if not least <= count <= most:
            raise UnknownFunctionError(f"wrong number of arguments in function invocation: {name}")
        if reader.word("OVER", "("):
            self._window()

    def _window(self) -> None:
        reader = self._reader
        if reader.word("PARTITION", "BY"):
            self._list(self.value)
        self._order()
        if reader.word("ROWS", "BETWEEN"):
            self._bound()
            reader.need("AND")
            self._bound()
        reader.need(")")

    def _bound(self) -> None:
        reader = self._reader
        if reader.word("CURRENT", "ROW"):
            return
        if not reader.word("UNBOUNDED"):
            reader.number()
        if not reader.word("PRECEDING"):
            reader.need("FOLLOWING")

    def _order(self) -> None:
        if self._reader.word("ORDER", "BY"):
            self._list(self._ordered)

    def _ordered(self) -> None:
        self.value()
        self._reader.word("ASC") or self._reader.word("DESC")
        if self._reader.word("NULLS"):
            self._reader.word("FIRST") or self._reader.need("LAST")

    def _column(self, *, star: bool) -> None:
        """A name with up to two before it, or a star in the last place of an item."""
        self._reader.name()
        for _ in range(2):
            if not self._reader.word("."):
                return
            if star and self._reader.word("*"):
                return
            self._reader.name()
