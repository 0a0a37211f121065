"""``amodels export``: what was made, for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.settings import from_environment


@click.group()
def export() -> None:
    """Write what was made for other tools.

    \b
    Examples:
      amodels export graph --format graphml --out exported
    """


@export.command("graph")
@click.option(
    "--format",
    "form",
    type=click.Choice(["graphml", "glean", "parquet"]),
    default="graphml",
    show_default=True,
    help="GraphML, Glean's facts with their schema, or tables of nodes and edges.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the files.",
)
def export_graph_command(form: str, out: Path) -> None:
    """Write the knowledge graph, with what was made from the catalog, into files.

    \b
    Examples:
      amodels export graph --out exported
      amodels export graph --format glean --out exported
    """
    from amodels_assets.graph.export import export_graph
    from amodels_assets.graph.made_from import whole_graph

    graph, _ = whole_graph(ArtifactStore(from_environment().artifacts_path()))
    try:
        written = export_graph(graph, form, out)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
    for path in written:
        click.echo(f"{path}  {graph.nodes.num_rows:,} nodes, {graph.edges.num_rows:,} edges")
