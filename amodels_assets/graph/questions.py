"""Named questions in Cypher, and who they are best asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amodels_assets.graph.store import EmbeddedGraph

# Lineage deeper than this is followed no further: paths multiply with every level.
MAXIMUM_LEVELS = 12


@dataclass(frozen=True)
class Question:
    """A question that the graph answers.

    Attributes:
        name: Short, with underscores.
        text: The question in words; ``{subject}`` stands for what it is asked about.
        subject: Cypher that finds an interesting subject, a column ``id``; None when the question
            is about the whole graph.
        query: Cypher with the parameter ``$subject``.
    """

    name: str
    text: str
    subject: str | None
    query: str


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
            "WITH j, count(DISTINCT d) AS dependants "
            "RETURN j.id AS id ORDER BY dependants DESC, id LIMIT 1"
        ),
        query=(
            f"MATCH (j:Job {{id: $subject}})-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job) "
            "RETURN DISTINCT d.id AS affected, 'job' AS kind "
            "UNION MATCH (j:Job {id: $subject})-[:WRITES]->(t) "
            "RETURN DISTINCT t.id AS affected, 'table' AS kind "
            f"UNION MATCH (j:Job {{id: $subject}})-[:TRIGGERS*1..{MAXIMUM_LEVELS}]->(d:Job)"
            "-[:WRITES]->(t) RETURN DISTINCT t.id AS affected, 'table' AS kind"
        ),
    ),
    Question(
        name="longest_lineage_path",
        text="What is the longest way from a table through views?",
        subject=None,
        query=(
            f"MATCH p = (a:Table)-[:FEEDS*1..{MAXIMUM_LEVELS}]->(b:View) "
            "RETURN length(p) AS steps, [n IN nodes(p) | n.id] AS path "
            "ORDER BY steps DESC, path LIMIT 1"
        ),
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
    rows.sort(key=lambda row: str(sorted(row.items())))
    return Answer(question.name, question.text.format(subject=subject), subject, rows)


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
        return " → ".join(f"`{step.partition(':')[2]}`" for step in row["path"])
    name, kind = row.values()
    return f"{kind} `{str(name).partition(':')[2]}`"
