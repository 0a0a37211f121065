"""The leaderboard: all checkpoints on all benchmarks, as a page and a picture.

Belongs here: Markdown and PNG. Does not belong here: the numbers (``board.py``).
"""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa

from amodels_assets.artifacts import write_table
from amodels_assets.evaluation.language.board import Board, Name, compare_on
from amodels_assets.evaluation.language.estimates import SCORES_SCHEMA

PAGE, PICTURE = "leaderboard.md", "leaderboard.png"


def write_leaderboard(board: Board, folder: Path, base: str) -> None:
    """Write the page, the picture and all scores as a table.

    Args:
        board: At least one benchmark was scored.
        folder: To write into.
        base: Name of the checkpoint that the others are compared with.
    """
    write_table(folder, "scores", pa.Table.from_pylist(board.scores(), SCORES_SCHEMA))
    (folder / PICTURE).write_bytes(picture(board))
    (folder / PAGE).write_text(page(board, base), encoding="utf-8")


def page(board: Board, base: str) -> str:
    """The leaderboard as Markdown, without the picture."""
    names = board.checkpoints()
    parts = ["# Language models on benchmarks", "", *_table(board, names)]
    versions = ", ".join(f"{name} is {version[:12]}" for name, version in names)
    parts += [
        "",
        f"Value and 95 % bootstrap interval; {versions}. The constant answer is the best one, "
        "chosen with the answers in view.",
    ]
    bases = [name for name in names if name[0] == base]
    for other in names:
        if bases and other != bases[0]:
            parts += ["", *_comparison(board, bases[0], other)]
    if board.missing:
        parts += ["", "Not scored:", ""]
        parts += [f"- {benchmark.title}: {benchmark.expected()}" for benchmark in board.missing]
    return "\n".join(parts) + "\n"


def picture(board: Board) -> bytes:
    """Scores with intervals beside chance as PNG, the same bytes for the same numbers."""
    from matplotlib.figure import Figure

    rows, names = board.primary(), board.checkpoints()
    order = [name for name in board.benchmarks if any(r["benchmark"] == name for r in rows)]
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(order) * (1 + len(names))), layout="constrained")
    axes = figure.subplots()
    for place, (name, version) in enumerate(names):
        mine = [r for r in rows if (r["checkpoint"], r["checkpoint_version"]) == (name, version)]
        heights = [order.index(r["benchmark"]) * (1 + len(names)) + place for r in mine]
        values = [r["value"] for r in mine]
        spans = [
            [value - r["low"] for value, r in zip(values, mine, strict=True)],
            [r["high"] - value for value, r in zip(values, mine, strict=True)],
        ]
        axes.errorbar(
            values, heights, xerr=spans, fmt="o", capsize=3, label=f"{name}@{version[:6]}"
        )
    for place, benchmark in enumerate(order):
        chance = next(r["chance"] for r in rows if r["benchmark"] == benchmark)
        low = place * (1 + len(names)) - 0.5
        axes.plot([chance, chance], [low, low + len(names)], color="grey", linestyle=":")
    ticks = [place * (1 + len(names)) + (len(names) - 1) / 2 for place in range(len(order))]
    axes.set_yticks(ticks, [board.benchmarks[name].title for name in order])
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("score, 95 % interval; dotted: chance")
    axes.legend(loc="lower right", fontsize="small")
    buffer = io.BytesIO()
    # Without the library's version and the date in it.
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return buffer.getvalue()


def _table(board: Board, names: list[Name]) -> list[str]:
    rows = board.primary()
    titles = [name for name, _ in names]
    if len(set(titles)) < len(titles):
        titles = [f"{name}@{version[:6]}" for name, version in names]
    head = ["benchmark", "metric", "n", "shots", "chance", "constant", *titles]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for benchmark in board.benchmarks.values():
        mine = {
            (r["checkpoint"], r["checkpoint_version"]): r
            for r in rows
            if r["benchmark"] == benchmark.name
        }
        some = next(iter(mine.values()))
        cells = [_cell(mine[name]) if name in mine else "" for name in names]
        of = f"{some['n']} of {some['set_size']}"
        lines.append(
            f"| {benchmark.title} | {some['metric']} | {of} | {some['shots']} "
            f"| {some['chance']:.3f} | {some['majority']:.3f} | {' | '.join(cells)} |"
        )
    return lines


def _cell(row: dict) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _comparison(board: Board, a: Name, b: Name) -> list[str]:
    try:
        found = compare_on(board, a, b)
    except ValueError:
        return [f"{b[0]} was scored on no benchmark together with {a[0]}."]
    lines = [
        f"## {b[0]}@{b[1][:12]} beside {a[0]}, item by item",
        "",
        "| benchmark | difference | 95 % interval | gained | lost | p | p among all | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        each = one.comparison
        verdict = ("better" if each.difference > 0 else "worse") if each.significant else "no proof"
        lines.append(
            f"| {board.benchmarks[each.benchmark].title} | {each.difference:+.3f} "
            f"| {each.low:+.3f} to {each.high:+.3f} | {each.gained} | {each.lost} "
            f"| {each.p:.2g} | {one.adjusted_p:.2g} | {verdict} |"
        )
    return lines
