"""Named questions in Cypher, and who they are best asked about.

A variable-length pattern makes one row a path, and paths multiply with every level: where only
the nodes at the end matter the statements say DISTINCT at once, and the longest path is found in
linear time from the relationships that its statement returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from amodels_assets.graph.store import EmbeddedGraph

# Chains are not followed further than this: a pattern needs an upper bound.
MAXIMUM_LEVELS = 50


def longest_path(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The longest path along relationships, the first by name of several.

    Where views read each other in a circle, its last relationship by name is left out.

    Args:
        rows: Relationships, as ``source`` and ``target`` ids.

    Returns:
        One row with ``steps`` and ``path`` (ids from the source on), none without relationships.
    """
    # Dictionaries for sets: their order does not change from run to run.
    sources: dict[str, dict[str, None]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (row["source"], row["target"])):
        sources[row["target"]][row["source"]] = None
    best: dict[str, tuple[str, ...]] = {}
    for node in _sources_first(sources):
        found = min(
            (best[source] for source in sources.get(node, ())),
            key=lambda path: (-len(path), path),
            default=(),
        )
        best[node] = (*found, node)
    if not sources:
        return []
    path = min(best.values(), key=lambda path: (-len(path), path))
    return [{"steps": len(path) - 1, "path": list(path)}]


def _sources_first(sources: dict[str, dict[str, None]]) -> list[str]:
    """Nodes, each behind its sources; breaks circles in ``sources``."""
    while True:
        try:
            return list(TopologicalSorter(sources).static_order())
        except CycleError as error:
            circle = error.args[1]
            first, second = max(pairwise(circle))
            sources[second].pop(first)


@dataclass(frozen=True)
class Question:
    """A question that the graph answers.

    Attributes:
        name: Short, with underscores.
        text: The question in words; ``{subject}`` stands for what it is asked about.
        subject: Cypher that finds an interesting subject, a column ``id``; None when the question
            is about the whole graph.
        query: Cypher with the parameter ``$subject``.
        finish: Makes the answer from the query's rows; None when the rows are the answer.
    """

    name: str
    text: str
    subject: str | None
    query: str
    finish: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None


QUESTIONS = (
    Question(
        name="readers_of_a_table",
        text="What reads {subject}?",
        subject=(
            "MATCH (t:Table)-[:FEEDS]->(v) WITH t, count(v) AS readers "
            "RETURN t.id AS id ORDER BY readers DESC, id LIMIT 1"
        ),
        query=(
            "MATCH (t {id: $subject})-[:FEEDS]->(r:View) RETURN r.id AS reader, 'view' AS kind "
            "UNION MATCH (t {id: $subject})<-[:READS]-(r:Job) RETURN r.id AS reader, 'job' AS kind"
        ),
    ),
    Question(
        name="impact_of_a_failed_job",
        text="What breaks if {subject} fails?",
        subject=(
            f"MATCH (j:Job)-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job) "
            "WITH DISTINCT j, d "
            "RETURN j.id AS id, count(d) AS dependants ORDER BY dependants DESC, id LIMIT 1"
        ),
        query=(
            f"MATCH (j:Job {{id: $subject}})-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job) "
            "RETURN DISTINCT d.id AS affected, 'job' AS kind "
            "UNION MATCH (j:Job {id: $subject})-[:WRITES]->(t) "
            "RETURN DISTINCT t.id AS affected, 'table' AS kind "
            f"UNION MATCH (j:Job {{id: $subject}})-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job) "
            "WITH DISTINCT d MATCH (d)-[:WRITES]->(t) "
            "RETURN DISTINCT t.id AS affected, 'table' AS kind "
            f"UNION MATCH (j:Job {{id: $subject}})-[:WRITES]->(t) WITH DISTINCT t "
            f"MATCH (t)-[:FEEDS*1..{MAXIMUM_LEVELS}]->(v:View) "
            "RETURN DISTINCT v.id AS affected, 'view' AS kind "
            f"UNION MATCH (j:Job {{id: $subject}})-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job) "
            "WITH DISTINCT d MATCH (d)-[:WRITES]->(t) WITH DISTINCT t "
            f"MATCH (t)-[:FEEDS*1..{MAXIMUM_LEVELS}]->(v:View) "
            "RETURN DISTINCT v.id AS affected, 'view' AS kind"
        ),
    ),
    Question(
        name="longest_lineage_path",
        text="What is the longest way from a table through views?",
        subject=None,
        query="MATCH (a)-[:FEEDS]->(b:View) RETURN a.id AS source, b.id AS target",
        finish=longest_path,
    ),
)


@dataclass(frozen=True)
class Answer:
    """A question as it was asked, and the rows that came back, in a stable order."""

    name: str
    text: str
    subject: str | None
    rows: list[dict[str, Any]]


def answer_all(graph: EmbeddedGraph) -> list[Answer]:
    """Ask every question, each about the subject with most to tell."""
    return [answer(graph, question) for question in QUESTIONS]


def answer(graph: EmbeddedGraph, question: Question, subject: str | None = None) -> Answer:
    """Ask one question.

    Args:
        graph: Where it is asked.
        question: One of ``QUESTIONS``.
        subject: Node id; the most interesting one by default.
    """
    if question.subject is not None and subject is None:
        found = graph.ask(question.subject)
        if not found:
            return Answer(question.name, question.text.format(subject="…"), None, [])
        subject = str(found[0]["id"])
    parameters = {"subject": subject} if question.subject is not None else {}
    rows = graph.ask(question.query, **parameters)
    if question.finish is not None:
        rows = question.finish(rows)
    rows.sort(key=lambda row: str(sorted(row.items())))
    text = question.text.format(subject=_without_prefix(subject or ""))
    return Answer(question.name, text, subject, rows)


def as_markdown(answers: list[Answer], *, most: int = 20) -> str:
    """Answers for people, at most ``most`` rows each."""
    parts = []
    for found in answers:
        lines = [f"**{found.text}**", ""]
        lines += [f"- {_in_words(row)}" for row in found.rows[:most]] or ["- nothing"]
        if len(found.rows) > most:
            lines.append(f"- … and {len(found.rows) - most} more")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _in_words(row: dict[str, Any]) -> str:
    if "path" in row:
        return " → ".join(f"`{_without_prefix(step)}`" for step in row["path"])
    # By name: rows that were read back from JSON have their keys in another order.
    (name,) = (value for key, value in row.items() if key != "kind")
    return f"{row['kind']} `{_without_prefix(str(name))}`"


def _without_prefix(identifier: str) -> str:
    return identifier.partition(":")[2]
