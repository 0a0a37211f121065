"""Our scorer of multiple choice beside lm-eval's own: CPU seconds for the same items, in one run.

The peer is ``HFLM`` of lm-eval with the batch size that it has by default, 1, and with others. All
get the same loaded model, the same requests and one thread; they take turns, and what is printed
are medians over the pairs. The scores of all have to agree, or nothing is printed.

The sets are those of ``AMODELS_EVAL_DIR``, and questions about the catalog where ``--questions``
names a folder with them. The model is SmolLM2 as ``amodels models add`` brought it, or any folder.

Example:
    AMODELS_EVAL_DIR=sets python tests/benchmarks/language_scoring.py --items 32 --pairs 5
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.update({"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"})
sys.path.insert(0, str(Path(__file__).parents[2]))

# float32 in another order of summation; of a log-probability of some tens.
TOLERANCE = 5e-3
SETS = ("piqa", "social_iqa", "arc_easy", "arc_easy, 5 shots", "boolq", "catalog_qa_choice")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, help="folder; default: smollm2 of AMODELS_HOME")
    parser.add_argument("--questions", type=Path, help="folder of questions about the catalog")
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--batch-sizes", nargs="*", type=int, default=(1, 16))
    parser.add_argument("--json", type=Path, help="write all figures here too")
    options = parser.parse_args()
    figures = measured(options)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    import torch
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from amodels_assets.evaluation.language.scorer import TreeScorer
    from amodels_assets.settings import from_environment

    torch.set_num_threads(1)
    settings = from_environment()
    folder = options.model or settings.models / "smollm2"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ours = TreeScorer(model, tokenizer)
    peers: dict[str, Any] = {"ours": ours}
    for size in options.batch_sizes:
        peers[f"HFLM, batch {size}"] = HFLM(
            pretrained=model, tokenizer=tokenizer, batch_size=size, device="cpu"
        )
    figures = []
    for name in options.sets:
        requests = requests_of(name, options, settings.eval_directory, ours)
        if requests is None:
            continue
        seconds: dict[str, list[float]] = {peer: [] for peer in peers}
        answers: dict[str, list[Any]] = {}
        ours.given = ours.computed = 0
        for pair in range(options.pairs):
            # Taking turns, each first as often as the others.
            order = list(peers)
            for peer in order[pair % len(order) :] + order[: pair % len(order)]:
                started = time.process_time()
                answers[peer] = peers[peer].loglikelihood(requests, disable_tqdm=True)
                seconds[peer].append(time.process_time() - started)
        difference = max(
            abs(mine[0] - other[0])
            for peer in peers
            for mine, other in zip(answers["ours"], answers[peer], strict=True)
        )
        if difference > TOLERANCE:
            raise SystemExit(f"{name}: scores differ by {difference}")
        figures.append(
            {
                "set": name,
                "items": len({request.doc_id for request in requests}),
                "requests": len(requests),
                "tokens": ours.given // options.pairs,
                "computed": ours.computed // options.pairs,
                "seconds": {peer: statistics.median(values) for peer, values in seconds.items()},
                "difference": difference,
            }
        )
        print(name, json.dumps(figures[-1]["seconds"]), file=sys.stderr, flush=True)
    return figures


def requests_of(
    name: str, options: argparse.Namespace, directory: Path | None, model: Any
) -> list[Any] | None:
    """lm-eval's requests for some items; None where the set is not there."""
    from amodels_assets.evaluation.language.benchmarks import shipped
    from amodels_assets.evaluation.language.catalog_items import read_catalog_set
    from amodels_assets.evaluation.language.sets import MissingSetError, read_set
    from amodels_assets.evaluation.language.tasks import make_task

    benchmark = shipped()[name.partition(",")[0]]
    try:
        if benchmark.reader == "catalog_questions":
            found = read_catalog_set(benchmark, options.questions)
        else:
            found = read_set(benchmark, directory)
    except MissingSetError as error:
        print(error, file=sys.stderr)
        return None
    items = found.subset(options.items + 5)
    if "shots" in name:
        shots = {"num_fewshot": 5, "fewshot_config": {"sampler": "first_n", "samples": items[:5]}}
        benchmark = replace(benchmark, task={**benchmark.task, **shots})
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(benchmark, items[5:], Path(folder))
        task.build_all_requests(
            apply_chat_template=benchmark.chat,
            chat_template=model.apply_chat_template if benchmark.chat else None,
        )
        return task.instances


def table(figures: list[dict[str, Any]]) -> str:
    peers = [name for name in figures[0]["seconds"] if name != "ours"]
    head = ["set", "items", "tokens", "computed", "ours"]
    head += [cell for peer in peers for cell in (peer, "ratio")]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in figures:
        ours, *theirs = row["seconds"].values()
        cells = " | ".join(f"{peer:.2f} s | {peer / ours:.2f}" for peer in theirs)
        lines.append(
            f"| {row['set']} | {row['items']} | {row['tokens']:,} | {row['computed']:,} "
            f"| {ours:.2f} s | {cells} |"
        )
    total = [sum(row["seconds"][peer] for row in figures) for peer in figures[0]["seconds"]]
    cells = " | ".join(f"{peer:.2f} s | {peer / total[0]:.2f}" for peer in total[1:])
    lines.append(f"| all | | | | {total[0]:.2f} s | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
