"""What a released language model answers, stored for whoever serves it: ``canary.json``.

Belongs here: the prompts, and asking the checkpoint itself, by transformers in float32 on the CPU.
Does not belong here: asking servers and comparing (``serving.releases.canary``). Only
:func:`stored_answers` imports torch; :func:`write_canary` calls it in a process of its own, whose
memory is free again afterwards.

Each prompt has its tokens, the log-probability of each of them, and the greedy answer with the lead
of each of its tokens over the next likely one. A server that has the very model comes to the same
figures but for its own rounding; another model, damaged weights or another tokenizer do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from amodels_assets.artifacts import write_atomically
from amodels_assets.training.loop_config import PROCESS_ENVIRONMENT

FILE = "canary.json"
# Short enough for every model, and of several kinds, so that many tokens of the vocabulary and
# many weights have a part in the answers.
PROMPTS = (
    "The table holds one row per account and day.",
    "Question: Which column tells when a loan is due?\nAnswer:",
    "SELECT client_id, SUM(balance) FROM accounts GROUP BY",
    "The capital of France is",
    "12 345 rows were read, 6.7 % of them twice",
    "Ein Kunde hat mehrere Konten, und jedes Konto",
    '{"name": "sector", "type": "varchar", "nullable":',
    "A job that fails at night is started again",
)
ANSWER_TOKENS = 12


class CanaryError(RuntimeError):
    """A checkpoint could not be asked; the message says why."""


def write_canary(checkpoint: Path, models: Path, folder: Path) -> None:
    """Write ``canary.json`` of a checkpoint into a folder.

    Args:
        checkpoint: Folder of a finished language model.
        models: Folder of the base models, for an adapter.
        folder: Of the release.

    Raises:
        CanaryError: The checkpoint or its base model cannot be used.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(checkpoint), str(models), str(folder / FILE)],
        env={**os.environ, **PROCESS_ENVIRONMENT, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CanaryError(f"the checkpoint could not be asked: {reason}")


def stored_answers(checkpoint: Path, models: Path) -> dict[str, Any]:
    """Ask a checkpoint; JSON-serialisable.

    Raises:
        CheckpointError, ModelError: The checkpoint or its base model cannot be used.
    """
    import torch
    import transformers

    from amodels_assets.models.store import ModelStore
    from amodels_assets.training.language.loading import load_language_model

    loaded = load_language_model(checkpoint, ModelStore(models))
    with torch.inference_mode():
        prompts = [_asked(loaded.model, loaded.tokenizer, text) for text in PROMPTS]
    return {
        "schema_version": 1,
        "model": {"name": loaded.name, "version": loaded.version},
        "made_with": {
            "backend": "transformers",
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "dtype": "float32",
        },
        "prompts": prompts,
    }


def _asked(model: Any, tokenizer: Any, text: str) -> dict[str, Any]:
    """A prompt with its figures, and the greedy answer to it."""
    import torch

    tokens = [int(token) for token in tokenizer(text)["input_ids"]]
    logits = model(torch.tensor([tokens])).logits[0].float()
    found = torch.log_softmax(logits, dim=-1)
    logprobs = [float(found[place, token]) for place, token in enumerate(tokens[1:])]
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    answer: list[int] = []
    leads: list[float] = []
    best = logits[-1]
    for _ in range(ANSWER_TOKENS):
        first, second = torch.topk(best, 2).values.tolist()
        answer.append(int(best.argmax()))
        leads.append(first - second)
        if answer[-1] in ends:
            break
        # A dozen tokens: computing the prompt again costs less than a cache is worth.
        best = model(torch.tensor([[*tokens, *answer]])).logits[0, -1].float()
    return {
        "text": text,
        "tokens": tokens,
        "logprobs": [round(value, 6) for value in logprobs],
        "answer": answer,
        "leads": [round(value, 6) for value in leads],
        "ended": answer[-1] in ends,
    }


def main() -> int:
    """Ask the checkpoint that the command line names; the exit status."""
    checkpoint, models, file = (Path(part) for part in sys.argv[1:4])
    try:
        found = stored_answers(checkpoint, models)
    # Whatever is wrong with the checkpoint is told in one sentence, the last line.
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"\n{' '.join(str(error).split())}\n")
        return 1
    write_atomically(file, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
