"""``amodels ask``: named questions about the knowledge graph."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.settings import from_environment


@click.command()
@click.argument("name", required=False)
@click.argument("subject", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def ask(name: str | None, subject: str | None, as_json: bool) -> None:
    """Ask the knowledge graph a named question; without a name, list the questions.

    A subject is a column, a table or view, or a job, by its name; without one the question is
    asked about what has most to tell.

    \b
    Examples:
      amodels ask
      amodels ask impact_of_a_column sgmisit.client.sector
      amodels ask orphan_tables --json
    """
    from amodels_assets.graph.made_from import whole_graph
    from amodels_assets.graph.model import GraphError
    from amodels_assets.graph.questions import QUESTIONS, answer, in_words, question_named
    from amodels_assets.graph.store import EmbeddedGraph

    if name is None:
        known = {q.name: q.text.format(subject=" or ".join(q.labels).upper()) for q in QUESTIONS}
        if as_json:
            click.echo(json.dumps(known, indent=2))
        for key, text in () if as_json else known.items():
            click.echo(f"{key:<28} {text}")
        return
    try:
        question = question_named(name)
        graph, _ = whole_graph(ArtifactStore(from_environment().artifacts_path()))
        found = answer(EmbeddedGraph(graph), question, subject)
    except GraphError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(found.text)
    for row in found.rows:
        click.echo(f"  {in_words(row, mark='')}")
    click.echo(f"{len(found.rows)} found" if found.rows else "nothing")
