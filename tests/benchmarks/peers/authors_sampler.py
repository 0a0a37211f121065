"""Peer: the sampler of the authors' Relational Transformer, a compiled library in their package.

Run with the folder of the package on PYTHONPATH. ``prepare`` reads a database in the layout of
RelBench as their preprocessing does. ``serve`` then samples for each line of standard input: width,
number of the batch and contexts. Texts have random vectors: what they say makes no difference to
the time.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from processes import answer_lines, memory
from rt.rustler import Sampler, preprocess


def prepare(source: Path, out: Path, text_widths: list[int]) -> None:
    """Their preprocessing, and vectors of each width for the texts."""
    # It tells its progress on standard output, which is for figures here.
    kept = os.dup(1)
    os.dup2(2, 1)
    started = time.process_time()
    preprocess(str(source), str(out), source=str(source), skip_tasks=False)
    spent = time.process_time() - started
    os.dup2(kept, 1)
    folder = _folder(out)
    texts = len(json.loads((folder / "text.json").read_text()))
    found = {}
    for width in text_widths:
        vectors = np.random.default_rng(0).normal(size=(texts, width))
        file = f"text_emb_{_embedder(width)}.bin"
        vectors.astype(ml_dtypes.bfloat16).tofile(folder / file)
        found[_embedder(width)] = {"file": file, "d_text": width}
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"text_embeddings": found}))
    print(json.dumps({"prepared_cpu_seconds": spent, **memory()}), flush=True)


def _folder(out: Path) -> Path:
    return next(path.parent for path in out.glob("*/meta.json"))


def _embedder(width: int) -> str:
    return f"random{width}"


def sampler(folder: Path, task: str, cells: int, width: int, text_width: int) -> Any:
    """Breadth first, newest first, no walks; one process."""
    columns = json.loads((folder / "column_index.json").read_text())
    rows = _train_rows(folder, task)
    return Sampler(
        dataset_tuples=[(folder.name, task, rows["node_idx_offset"], rows["num_nodes"])],
        global_rank=0,
        local_rank=0,
        world_size=1,
        local_ctx_size_list=[cells],
        bfs_width_list=[width],
        num_walks=0,
        walk_length=0,
        prefer_latest_list=[True],
        mask_prob_max=0.0,
        embedder=_embedder(text_width),
        pre_dir=str(folder.parent),
        d_text=text_width,
        shuffle_seed=0,
        context_seed=0,
        target_columns=[columns[f"label of {task}"]],
        columns_to_drop=[[]],
        cutoff_timestamps=[None],
        items_per_task=rows["num_nodes"],
        quiet=True,
        ignore_data_errors=False,
        num_prev_skipped=0,
        mmap_populate=True,
        legacy_boolean=False,
        timeout_per_item=3600.0,
        vector_db_path=None,
    )


def _train_rows(folder: Path, task: str) -> dict[str, int]:
    return json.loads((folder / "table_info.json").read_text())[f"{task}:Train"]


def serve(out: Path, task: str, cells: int, text_width: int) -> None:
    folder = _folder(out)
    first = _train_rows(folder, task)["node_idx_offset"]
    samplers: dict[int, Any] = {}

    def answer(line: str) -> dict[str, Any]:
        width, number, contexts = map(int, line.split())
        if width not in samplers:
            # Each maps the files for itself: one at a time, as one would use it.
            samplers.clear()
            samplers[width] = sampler(folder, task, cells, width, text_width)
        started = time.process_time()
        batch = dict(samplers[width].batch_py(number, contexts, cells))
        spent = time.process_time() - started
        shown = ~batch["is_padding"].reshape(contexts, cells)
        nodes = batch["node_idxs"].reshape(contexts, cells)
        targets = batch["is_targets"]
        return {
            "cpu_seconds": spent,
            "cells": int(shown.sum()) / contexts,
            "rows": sum(len(np.unique(n[s])) for n, s in zip(nodes, shown, strict=True)) / contexts,
            "predictions": (batch["node_idxs"][targets] - first).tolist(),
            "cutoffs": batch["timestamps"][targets].tolist(),
            **memory(),
        }

    answer_lines(answer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("prepare", "serve"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--text-width", type=int, action="append", required=True)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--task")
    parser.add_argument("--cells", type=int)
    options = parser.parse_args()
    if options.work == "prepare":
        prepare(options.source, options.out, options.text_width)
    else:
        serve(options.out, options.task, options.cells, options.text_width[0])


if __name__ == "__main__":
    main()
