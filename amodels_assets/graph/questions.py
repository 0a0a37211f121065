"""Named questions, what each is asked about, and answers for people.

Belongs here: the questions. Does not belong here: walking a graph (``walks.py``), stores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from amodels_assets.graph.model import GraphError
from amodels_assets.graph.store import GraphStore
from amodels_assets.graph.walks import Step, circles, longest_path, neighbours, reached

Rows = list[dict[str, Any]]
_RELATIONS = ("Table", "View")
_JOBS = ("Job",)
_FEEDS = tuple(Step(label, "FEEDS") for label in _RELATIONS)
_MADE_INTO = tuple(Step(label, "MADE_INTO") for label in ("DataSet", "Checkpoint", "Score"))


@dataclass(frozen=True)
class Question:
    """A question that the graph answers.

    Attributes:
        name: Short, with underscores.
        text: The question in words; ``{subject}`` stands for what it is asked about.
        labels: Of the nodes that it can be asked about; empty when it is about the whole graph.
        find: Gives the rows for a subject.
        interesting: Cypher for the subject with most to tell, a column ``id``.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    find: Callable[[GraphStore, dict[str, str]], Rows]
    interesting: str = ""


@dataclass(frozen=True)
class Answer:
    """A question as it was asked, and the rows that came back, in a stable order."""

    name: str
    text: str
    subject: str | None
    rows: Rows


def _impact_of_a_column(store: GraphStore, subject: dict[str, str]) -> Rows:
    # What chooses a view's rows matters to all its columns.
    steps = (Step("Column", "FLOWS_TO"), Step("View", "HAS_COLUMN"))
    columns = reached(store, subject, steps)
    touched = {key for key, label in (subject | columns).items() if label == "Column"}
    relations = neighbours(store, touched, Step("Column", "HAS_COLUMN", back=True))
    found = {key: label for key, label in relations.items() if label == "View"} | columns
    for label in _RELATIONS:
        found |= neighbours(store, _of(relations, label), Step(label, "READS", back=True))
    used = neighbours(store, touched, Step("Column", "USED_BY"))
    for label in _RELATIONS:
        views = [key for key in _of(found, label) if label == "View"]
        used |= neighbours(store, views, Step(label, "USED_BY"))
    return _rows(found | used | reached(store, used, _MADE_INTO))


def _upstream_sources(store: GraphStore, subject: dict[str, str]) -> Rows:
    found = reached(store, subject, [Step(label, "FEEDS", back=True) for label in _RELATIONS])
    relations = subject | found
    for label in _RELATIONS:
        found |= neighbours(store, _of(relations, label), Step(label, "WRITES", back=True))
    return _rows(found)


def _readers(store: GraphStore, subject: dict[str, str]) -> Rows:
    found: dict[str, str] = {}
    for label in _RELATIONS:
        for step in (Step(label, "FEEDS"), Step(label, "READS", back=True), Step(label, "USED_BY")):
            found |= neighbours(store, _of(subject, label), step)
    return _rows(found)


def _delayed(store: GraphStore, subject: dict[str, str]) -> Rows:
    jobs = reached(store, subject, [Step("Job", "TRIGGERS")])
    written = neighbours(store, subject | jobs, Step("Job", "WRITES"))
    relations = written | reached(store, written, _FEEDS)
    used: dict[str, str] = {}
    for label in _RELATIONS:
        used |= neighbours(store, _of(relations, label), Step(label, "USED_BY"))
    return _rows(jobs | relations | used | reached(store, used, _MADE_INTO))


def _orphan_tables(store: GraphStore, _: dict[str, str]) -> Rows:
    tables = _known(store, "Table")
    for pattern in (
        "(n:Table)-[:FEEDS]->(m)",
        "(n:Table)<-[:READS]-(m)",
        "(n:Table)<-[:WRITES]-(m)",
        "(n:Table)<-[:MENTIONS]-(m)",
        "(n:Table)-[:USED_BY]->(m)",
    ):
        tables -= _ids(store, pattern)
    return _rows(dict.fromkeys(tables, "Table"))


def _unused_columns(store: GraphStore, _: dict[str, str]) -> Rows:
    known = _known(store, "Column")
    columns = known & _ids(store, "(m:Table)-[:HAS_COLUMN]->(n:Column)")
    columns -= _ids(store, "(n:Column)-[:FLOWS_TO]->(m)")
    columns -= _ids(store, "(n:Column)-[:USED_BY]->(m)")
    return _rows(dict.fromkeys(columns, "Column"))


def _cycles(store: GraphStore, _: dict[str, str]) -> Rows:
    found = circles(_edges(store, "View", "FEEDS")) + circles(_edges(store, "Job", "TRIGGERS"))
    return [{"path": path} for path in found]


def _longest_path(store: GraphStore, _: dict[str, str]) -> Rows:
    edges = _edges(store, "Table", "FEEDS") + _edges(store, "View", "FEEDS")
    path = longest_path(edges)
    return [{"steps": len(path) - 1, "path": path}] if path else []


def _busiest(pattern: str) -> str:
    return (
        f"MATCH {pattern} WITH n, count(m) AS size RETURN n.id AS id, size "
        "ORDER BY size DESC, id LIMIT 1"
    )


QUESTIONS = (
    Question(
        "impact_of_a_column",
        "What is made of {subject}, up to the release?",
        ("Column",),
        _impact_of_a_column,
        _busiest("(n:Column)-[:FLOWS_TO]->(m)"),
    ),
    Question(
        "upstream_sources_of_a_table",
        "What is {subject} made of, and which jobs write that?",
        _RELATIONS,
        _upstream_sources,
        _busiest("(n:View)<-[:FEEDS]-(m)"),
    ),
    Question(
        "readers_of_a_table",
        "What reads {subject}?",
        _RELATIONS,
        _readers,
        _busiest("(n:Table)-[:FEEDS]->(m)"),
    ),
    Question(
        "delayed_by_a_failing_job",
        "What waits if {subject} fails?",
        _JOBS,
        _delayed,
        _busiest("(n:Job)-[:TRIGGERS]->(m)"),
    ),
    Question("orphan_tables", "Which tables does nothing read or write?", (), _orphan_tables),
    Question("unused_columns", "Which columns of tables does nothing use?", (), _unused_columns),
    Question("cycles", "Which views or jobs lead to themselves?", (), _cycles),
    Question(
        "longest_lineage_path",
        "What is the longest way from a table through views?",
        (),
        _longest_path,
    ),
)


def question_named(name: str) -> Question:
    """The question of that name.

    Raises:
        GraphError: There is none; the message says what is meant perhaps.
    """
    known = {question.name: question for question in QUESTIONS}
    if name not in known:
        near = get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
        raise GraphError(f"{name} is no question that is known; {meant}")
    return known[name]


def answer_all(store: GraphStore) -> list[Answer]:
    """Ask every question, each about the subject with most to tell."""
    return [answer(store, question) for question in QUESTIONS]


def answer(store: GraphStore, question: Question, subject: str | None = None) -> Answer:
    """Ask one question.

    Args:
        store: Where it is asked.
        question: One of ``QUESTIONS``.
        subject: Node id, or the name without its kind; the most interesting one by default.

    Raises:
        GraphError: There is no such subject.
    """
    if not question.labels:
        return Answer(question.name, question.text, None, question.find(store, {}))
    if subject is None:
        found = store.ask(question.interesting)
        if not found:
            return Answer(question.name, question.text.format(subject="…"), None, [])
        subject = str(found[0]["id"])
    known = _subject(store, question, subject)
    (identifier,) = known
    text = question.text.format(subject=_without_prefix(identifier))
    return Answer(question.name, text, identifier, question.find(store, known))


def _subject(store: GraphStore, question: Question, subject: str) -> dict[str, str]:
    prefix = "relation" if question.labels == _RELATIONS else question.labels[0].lower()
    wanted = {subject, f"{prefix}:{subject}"}
    for label in question.labels:
        query = f"MATCH (n:{label}) WHERE n.id IN $ids RETURN n.id AS id"
        for row in store.ask(query, ids=sorted(wanted)):
            return {str(row["id"]): label}
    names = [_without_prefix(key) for label in question.labels for key in _known(store, label)]
    near = get_close_matches(subject.partition(":")[2] or subject, sorted(names), 3)
    meant = f"; did you mean {', '.join(near)}?" if near else ""
    kinds = " or ".join(label.lower() for label in question.labels)
    raise GraphError(f"the graph has no {kinds} {subject}{meant}")


def _known(store: GraphStore, label: str) -> set[str]:
    rows = store.ask(f"MATCH (n:{label}) WHERE n.known = true RETURN n.id AS id")
    return {str(row["id"]) for row in rows}


def _ids(store: GraphStore, pattern: str) -> set[str]:
    return {str(row["id"]) for row in store.ask(f"MATCH {pattern} RETURN DISTINCT n.id AS id")}


def _edges(store: GraphStore, label: str, kind: str) -> Rows:
    target = "View" if kind == "FEEDS" else label
    return store.ask(
        f"MATCH (a:{label})-[:{kind}]->(b:{target}) RETURN DISTINCT a.id AS source, b.id AS target"
    )


def _of(nodes: dict[str, str], label: str) -> list[str]:
    return [key for key, own in nodes.items() if own == label]


def _rows(nodes: dict[str, str]) -> Rows:
    return [{"id": key, "kind": label} for key, label in sorted(nodes.items())]


def as_markdown(answers: list[Answer], *, most: int = 20) -> str:
    """Answers for people, at most ``most`` rows each."""
    parts = []
    for found in answers:
        lines = [f"**{found.text}**", ""]
        lines += [f"- {in_words(row)}" for row in found.rows[:most]] or ["- nothing"]
        if len(found.rows) > most:
            lines.append(f"- … and {len(found.rows) - most} more")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def in_words(row: dict[str, Any], mark: str = "`") -> str:
    """A row of an answer as text."""
    if "path" in row:
        return " → ".join(f"{mark}{_without_prefix(step)}{mark}" for step in row["path"])
    return f"{row['kind'].lower()} {mark}{_without_prefix(str(row['id']))}{mark}"


def _without_prefix(identifier: str) -> str:
    return identifier.partition(":")[2] or identifier
