"""Tiny models and sets for the tests of language benchmarks."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

from tests.unit.models import tiny

WORDS = tiny.TEXT.replace(".", "").replace(";", "").split()


@cache
def llama() -> tuple[Any, Any]:
    return tiny.llama(), tiny.byte_level_tokenizer()


@cache
def gemma() -> tuple[Any, Any]:
    """Sliding windows, capped logits, and a tokenizer that writes BOS."""
    return tiny.gemma(), tiny.sentencepiece_tokenizer()


def vault_gemma() -> Any:
    """VaultGemma's architecture, with a window that is shorter than the tests' prompts."""
    from transformers import VaultGemmaForCausalLM

    return tiny.seeded(VaultGemmaForCausalLM(tiny.vault_gemma_config(8)))


def sentence(rng: random.Random, least: int, most: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def boolq(number: int = 8) -> list[dict[str, Any]]:
    rng = random.Random(1)
    return [
        {
            "question": sentence(rng, 2, 4) + f" {place}",
            "passage": sentence(rng, 3, 12),
            "answer": bool(place % 2),
        }
        for place in range(number)
    ]


def piqa(number: int = 8) -> list[dict[str, Any]]:
    rng = random.Random(2)
    return [
        {
            "goal": sentence(rng, 2, 5) + f" {place}",
            "sol1": sentence(rng, 1, 6),
            "sol2": sentence(rng, 1, 6),
            "label": place % 2,
        }
        for place in range(number)
    ]


def arc(number: int = 8) -> list[dict[str, Any]]:
    rng = random.Random(3)
    return [
        {
            "id": f"q{place}",
            "question": sentence(rng, 2, 5),
            "choices": {
                "text": [sentence(rng, 1, 4) for _ in range(4)],
                "label": ["A", "B", "C", "D"],
            },
            "answerKey": "ABCD"[place % 4],
        }
        for place in range(number)
    ]


def write(folder: Path, name: str, items: list[dict[str, Any]]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path
