"""How long conversations are, for people: a table and a picture.

Belongs here: Markdown and PNG. Does not belong here: counting (``tokens.py``).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np

from amodels_assets.questions.tokens import Lengths


def length_table(lengths: Mapping[str, Lengths]) -> str:
    """Number, sum, median and most of each split, as a Markdown table."""
    unit = next(iter(lengths.values())).unit
    rows = [
        f"| {split} | {len(c):,} | {c.sum():,} | {np.median(c):,.0f} | {c.max():,} |"
        for split, c in ((split, found.counts) for split, found in lengths.items())
        if len(c)
    ]
    header = [f"| split | conversations | {unit} | median | longest |", "|---|---|---|---|---|"]
    return "\n".join([*header, *rows])


def length_picture(lengths: Mapping[str, Lengths]) -> str:
    """How many conversations have which length, as Markdown with an embedded PNG."""
    from matplotlib.figure import Figure

    unit = next(iter(lengths.values())).unit
    longest = max(int(found.counts.max(initial=1)) for found in lengths.values())
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, longest, 41).tolist()
    for split, found in lengths.items():
        axes.hist(found.counts, bins=edges, histtype="step", label=split)
    axes.set_xlabel(f"{unit} of a conversation")
    axes.set_ylabel("conversations")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return f"![lengths](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
