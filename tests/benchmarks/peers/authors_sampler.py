"""Peer: the sampler of the authors' Relational Transformer, a compiled library in their package.

Run with the folder of the package on PYTHONPATH. Reads a database in the layout of RelBench, then
samples a batch for each line of standard input: a width and a number of contexts. Texts have random
vectors: what they say makes no difference to the time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from rt.rustler import Sampler, preprocess


def prepare(source: Path, out: Path, text_width: int) -> Path:
    """Their preprocessing, and vectors for the texts."""
    # It tells its progress on standard output, which is for figures here.
    kept = os.dup(1)
    os.dup2(2, 1)
    preprocess(str(source), str(out), source=str(source), skip_tasks=False)
    os.dup2(kept, 1)
    folder = next(path.parent for path in out.glob("*/meta.json"))
    texts = len(json.loads((folder / "text.json").read_text()))
    vectors = np.random.default_rng(0).normal(size=(texts, text_width))
    vectors.astype(ml_dtypes.bfloat16).tofile(folder / "text_emb_random.bin")
    meta = json.loads((folder / "meta.json").read_text())
    meta["text_embeddings"] = {"random": {"file": "text_emb_random.bin", "d_text": text_width}}
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def sampler(folder: Path, task: str, cells: int, width: int, text_width: int) -> Any:
    """Breadth first, newest first, no walks; one process."""
    tables = json.loads((folder / "table_info.json").read_text())
    columns = json.loads((folder / "column_index.json").read_text())
    rows = tables[f"{task}:Train"]
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
        embedder="random",
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


def main() -> None:
    source, out, task = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    cells, text_width = int(sys.argv[4]), int(sys.argv[5])
    started = time.process_time()
    folder = prepare(source, out, text_width)
    print(json.dumps({"prepared_cpu_seconds": time.process_time() - started}), flush=True)
    samplers: dict[int, Any] = {}
    for number, line in enumerate(sys.stdin):
        width, contexts = map(int, line.split())
        if width not in samplers:
            samplers[width] = sampler(folder, task, cells, width, text_width)
        started = time.process_time()
        batch = dict(samplers[width].batch_py(number, contexts, cells))
        spent = time.process_time() - started
        filled = int((~batch["is_padding"]).sum())
        print(json.dumps({"cpu_seconds": spent, "cells": filled / contexts}), flush=True)


if __name__ == "__main__":
    main()
