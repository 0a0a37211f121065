"""How fast a checkpoint is: reading prompts and writing answers, by batch and length.

Belongs here: measuring on this machine, and the table. Does not belong here: scores. Imports torch.

Prompts are random tokens: what is measured does not depend on what they say. Medians of several
runs, after one that is not counted.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from amodels_assets.evaluation.language.asking import Say, Sources, load
from amodels_assets.evaluation.language.benchmarks import BenchmarkError
from amodels_assets.evaluation.language.checkpoints import ENDPOINT, Checkpoint

BATCHES = (1, 4, 16)
LENGTHS = (32, 256)
ANSWER = 16
RUNS = 3


@dataclass(frozen=True)
class Speed:
    """One row of a profile.

    Attributes:
        checkpoint: Name.
        checkpoint_version: Version.
        device: What was computed on.
        threads: Of the CPU.
        batch: Prompts at once.
        length: Tokens of each prompt.
        first_token_seconds: From the prompt to the first token of an answer.
        prefill_tokens_per_second: Prompt tokens that are read.
        decode_tokens_per_second: Tokens that are written, in all answers of the batch.
        runs: Of which these are medians.
        peak_memory_bytes: Most that the process had, or that the GPU gave it, until then.
    """

    checkpoint: str
    checkpoint_version: str
    device: str
    threads: int
    batch: int
    length: int
    first_token_seconds: float
    prefill_tokens_per_second: float
    decode_tokens_per_second: float
    runs: int
    peak_memory_bytes: int


def profile_all(
    checkpoints: Sequence[Checkpoint],
    sources: Sources,
    say: Say,
    *,
    batches: Sequence[int] = BATCHES,
    lengths: Sequence[int] = LENGTHS,
) -> list[dict[str, Any]]:
    """Measure checkpoints one after the other; rows of :class:`Speed`.

    Raises:
        BenchmarkError: One of them is behind an endpoint, where this machine's clock says little.
    """
    rows = []
    for checkpoint in checkpoints:
        if checkpoint.kind == ENDPOINT:
            raise BenchmarkError("an endpoint is measured by its own server, not here")
        scorer = load(checkpoint, sources, say)
        for batch in batches:
            for length in lengths:
                say(f"profile: {checkpoint.label}: {batch} prompts of {length} tokens")
                rows.append(asdict(_measure(scorer, checkpoint, batch, length)))
    return rows


def _measure(scorer: Any, checkpoint: Checkpoint, batch: int, length: int) -> Speed:
    import torch

    if length + ANSWER > scorer.max_length:
        raise BenchmarkError(
            f"{checkpoint.name} has room for {scorer.max_length} tokens, not for {length + ANSWER}"
        )
    generator = torch.Generator().manual_seed(0)
    size = scorer.model.config.vocab_size
    prompts = torch.randint(0, size, (batch, length), generator=generator).to(scorer.device)
    first, rest = [], []
    for _ in range(1 + RUNS):
        read, written = _once(scorer.model, prompts)
        first.append(read)
        rest.append(written)
    read, written = statistics.median(first[1:]), statistics.median(rest[1:])
    return Speed(
        checkpoint=checkpoint.name,
        checkpoint_version=checkpoint.version,
        device=str(scorer.device),
        threads=torch.get_num_threads(),
        batch=batch,
        length=length,
        first_token_seconds=round(read, 4),
        prefill_tokens_per_second=round(batch * length / read, 1),
        decode_tokens_per_second=round(batch * (ANSWER - 1) / written, 1),
        runs=RUNS,
        peak_memory_bytes=_peak(scorer.device),
    )


def _once(model: Any, prompts: Any) -> tuple[float, float]:
    """Seconds to the first token, and of all further ones."""
    import torch
    from transformers import DynamicCache

    wait: Callable[[], None] = (
        torch.cuda.synchronize if prompts.is_cuda else (lambda: None)  # nothing to wait for
    )
    with torch.inference_mode():
        cache, tokens = DynamicCache(), prompts
        started = time.perf_counter()
        for place in range(ANSWER):
            logits = model(input_ids=tokens, cache=cache, use_cache=True, logits_to_keep=1).logits
            tokens = logits[:, -1].argmax(dim=-1)[:, None]
            if place == 0:
                wait()
                first = time.perf_counter()
        wait()
    return first - started, time.perf_counter() - first


def _peak(device: Any) -> int:
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A profile as a Markdown table."""
    lines = [
        "| checkpoint | device | batch | prompt | first token | read | write | memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['checkpoint']}@{r['checkpoint_version'][:6]} | {r['device']} | {r['batch']} "
        f"| {r['length']} | {r['first_token_seconds']:.3f} s "
        f"| {r['prefill_tokens_per_second']:,.0f} tokens/s "
        f"| {r['decode_tokens_per_second']:,.0f} tokens/s "
        f"| {r['peak_memory_bytes'] / 1e6:,.0f} MB |"
        for r in rows
    ]
    return "\n".join(lines)
