"""Questions whose answer is a query: a described selection of a table's columns.

Belongs here: forms of queries and their wrong neighbours. Does not belong here: the words for a
selection (``selections.yaml``). Every answer is parsed again and must name the very columns that
were meant; what a name does to a query's syntax is so found out here and not by who runs it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from amodels_assets.questions.answers import DIALECT, normal_query, query_names
from amodels_assets.questions.draft import Draft, Scene, column_line
from amodels_assets.questions.facts import Column
from amodels_assets.questions.seeded import drawn, number, shuffled

QUERIES_OF_A_RELATION = 4
_SHOWN = 8
_NUMBERS = ("int", "bigint", "smallint", "tinyint", "decimal", "double", "float")
_GROUPS = {
    "string": ("string", "varchar", "char"),
    "number": _NUMBERS,
    "date": ("date",),
    "any": ("string", "varchar", "char", *_NUMBERS, "date", "timestamp", "boolean"),
}
_TEXTS = ("A", "B", "open", "closed", "EUR", "DE")
_NUMBER_VALUES = ("10", "100", "1000", "50000")
_DATES = ("2019-01-01", "2021-06-30", "2023-12-31", "2024-02-29")
_TOPS = ("3", "5", "10", "20")


@dataclass(frozen=True)
class Form:
    """A form of query.

    Attributes:
        a: Group of types of its first column.
        b: Of its second; empty for a form with one column.
        values: Of the literal; empty for none.
        build: Query of table, columns and literal.
    """

    a: str
    b: str
    values: tuple[str, ...]
    build: Callable[[exp.Table, exp.Column, exp.Column, str], exp.Select]


def _where(table: exp.Table, a: exp.Column, condition: exp.Expr) -> exp.Select:
    return exp.select(a).from_(table).where(condition)


def _columns(table: exp.Table, a: exp.Column, b: exp.Column, _: str) -> exp.Select:
    return exp.select(a, b).from_(table)


def _equal(table: exp.Table, a: exp.Column, b: exp.Column, value: str) -> exp.Select:
    return _where(table, a, exp.EQ(this=b, expression=exp.Literal.string(value)))


def _greater(table: exp.Table, a: exp.Column, b: exp.Column, value: str) -> exp.Select:
    return _where(table, a, exp.GT(this=b, expression=exp.Literal.number(value)))


def _since(table: exp.Table, a: exp.Column, b: exp.Column, value: str) -> exp.Select:
    return _where(table, a, exp.GTE(this=b, expression=exp.Literal.string(value)))


def _missing(table: exp.Table, a: exp.Column, b: exp.Column, _: str) -> exp.Select:
    return _where(table, a, exp.Is(this=b, expression=exp.Null()))


def _count(table: exp.Table, a: exp.Column, _: exp.Column, __: str) -> exp.Select:
    return exp.select(a, exp.Count(this=exp.Star())).from_(table).group_by(a.copy())


def _largest(table: exp.Table, a: exp.Column, b: exp.Column, _: str) -> exp.Select:
    return exp.select(a, exp.Max(this=b)).from_(table).group_by(a.copy())


def _different(table: exp.Table, a: exp.Column, _: exp.Column, __: str) -> exp.Select:
    return exp.select(a).from_(table).distinct()


def _top(table: exp.Table, a: exp.Column, b: exp.Column, value: str) -> exp.Select:
    order = exp.Ordered(this=b, desc=True)
    return exp.select(a).from_(table).order_by(order).limit(int(value))


FORMS: dict[str, Form] = {
    "columns": Form("any", "any", (), _columns),
    "equal": Form("any", "string", _TEXTS, _equal),
    "greater": Form("any", "number", _NUMBER_VALUES, _greater),
    "since": Form("any", "date", _DATES, _since),
    "missing": Form("any", "any", (), _missing),
    "count": Form("string", "", (), _count),
    "largest": Form("string", "number", (), _largest),
    "different": Form("any", "", (), _different),
    "top": Form("any", "number", _TOPS, _top),
}


def queries(scene: Scene) -> Iterator[Draft | None]:
    """Which query returns a described selection of a table?"""
    for relation, columns in scene.facts.columns.items():
        if scene.facts.kinds.get(relation) != "table" or relation.count(".") != 1:
            continue
        shown = _shown(scene, relation, columns)
        groups = _by_group(shown)
        forms = [
            n for n, form in FORMS.items() if groups[form.a] and (not form.b or groups[form.b])
        ]
        for name in drawn(forms, QUERIES_OF_A_RELATION, scene.seed, "form", relation):
            found = _query(scene, relation, shown, name)
            if found is None:
                scene.left_out["sql: the names make no query"] += 1
            else:
                yield found


def _shown(scene: Scene, relation: str, columns: Sequence[Column]) -> list[Column]:
    plain = {c.name for c in columns if c.type and _group_of(c.type)}
    chosen = set(drawn(plain, _SHOWN, scene.seed, "shown", relation))
    return [column for column in columns if column.name in chosen]


def _group_of(type_: str) -> bool:
    return type_.partition("(")[0] in _GROUPS["any"]


def _by_group(columns: Sequence[Column]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        for group, types in _GROUPS.items():
            if (column.type or "").partition("(")[0] in types:
                found[group].append(column.name)
    return found


def _query(scene: Scene, relation: str, shown: list[Column], name: str) -> Draft | None:
    form, groups = FORMS[name], _by_group(shown)
    key = (scene.seed, "query", relation, name)
    (a,) = drawn(groups[form.a], 1, *key, "a")
    others = [column for column in groups[form.b] if column != a] if form.b else [a]
    if not others:
        return None
    (b,) = drawn(others, 1, *key, "b")
    value = form.values[number(*key, "value") % len(form.values)] if form.values else ""
    right = _checked(form, relation, a, b, value)
    if right is None:
        return None
    # Also with the table's name alone, where that says which is meant.
    names = [relation, relation.partition(".")[2]][: 1 + scene.is_unique(relation)]
    slots = {"relation": relation, "a": a, "b": b, "value": value}
    if form.values is _TEXTS or form.values is _DATES:
        slots["value"] = f"'{value}'"
    return scene.draft(
        "sql",
        f"{relation} {name}",
        [relation],
        slots=slots,
        answer=right,
        accepted=[normal_query(_query_tree(form, n, a, b, value)) for n in names],
        wrong=_wrong(scene, name, relation, (a, b, value), groups),
        excerpt=[column_line(relation, shown)],
        form=name,
    )


def _query_tree(
    form: Form, relation: str, a: str, b: str, value: str, *, quoted: bool = False
) -> exp.Select:
    database, _, table = relation.rpartition(".")
    place = exp.Table(this=_identifier(table, quoted), db=_identifier(database, quoted))
    left, right = (exp.Column(this=_identifier(column, quoted)) for column in (a, b))
    return form.build(place, left, right, value)


def _identifier(name: str, quoted: bool) -> exp.Identifier | None:
    return exp.to_identifier(name, quoted=quoted or None) if name else None


def _checked(form: Form, relation: str, a: str, b: str, value: str) -> str | None:
    """The query, quoted only where its names demand it; None where it cannot be read back."""
    wanted = ({relation}, {a, b} if form.b else {a})
    for quoted in (False, True):
        text = _query_tree(form, relation, a, b, value, quoted=quoted).sql(dialect=DIALECT)
        if query_names(text) == wanted:
            return text
    return None


def _wrong(
    scene: Scene,
    name: str,
    relation: str,
    parts: tuple[str, str, str],
    groups: dict[str, list[str]],
) -> list[str]:
    """Queries with one or both of two things exchanged: columns, or a column and the form.

    As the four make a square, none of them has more in common with the others.
    """
    form = FORMS[name]
    a, b, value = parts
    key = (scene.seed, "wrong", relation, name)
    free = {g: [c for c in shuffled(groups[g], *key, g) if c not in (a, b)] for g in _GROUPS}
    if form.b:
        others = [(form, x, b) for x in free[form.a][:1]]
        near = [column for column in free[form.b] if not others or column != others[0][1]]
        others += [(form, a, y) for y in near[:1]]
        others += [(form, x, y) for (_, x, _), y in zip(others[:1], near[:1], strict=False)]
    else:
        (kin,) = (FORMS[other] for other in FORMS if not FORMS[other].b and other != name)
        others = [(form, x, x) for x in free[form.a][:1]]
        others += [(kin, a, a)]
        others += [(kin, x, x) for _, x, _ in others[:1]]
    return [_query_tree(f, relation, x, y, value).sql(dialect=DIALECT) for f, x, y in others]
