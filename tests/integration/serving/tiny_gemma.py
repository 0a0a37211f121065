"""A Gemma 3 with random weights and a tokenizer of its own, as a folder that vLLM serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.models.tiny import pieces, save_folder, seeded, sentencepiece_tokenizer

CONTEXT = 512
CHAT = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ 'user: ' if m['role'] == 'user' else 'answer: ' }}{{ m['content'] }}. "
    "{% endfor %}{% if add_generation_prompt %}answer: {% endif %}"
)


def tiny_tokenizer() -> Any:
    """Gemma's kind: every text begins with BOS; with a chat template."""
    tokenizer = sentencepiece_tokenizer()
    tokenizer.chat_template = CHAT
    return tokenizer


def write_tiny_gemma(folder: Path) -> Path:
    """Write a Gemma 3 of 0.7 million weights; three of its four layers see 64 tokens back."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    config = Gemma3TextConfig(
        vocab_size=len(pieces()),
        hidden_size=128,
        intermediate_size=288,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        # The smallest that vLLM's attention on CPUs has.
        head_dim=32,
        query_pre_attn_scalar=32,
        max_position_embeddings=CONTEXT,
        sliding_window=64,
        layer_types=["sliding_attention"] * 3 + ["full_attention"],
        bos_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
    )
    model = seeded(Gemma3ForCausalLM(config))
    with torch.no_grad():
        # What is read last would be said again, were the layers to add less than it has itself.
        model.model.embed_tokens.weight.mul_(0.4)
        # Bytes are never the likeliest, so that answers are letters.
        model.model.embed_tokens.weight[[p.startswith("<0x") for p in pieces()]] = 0
        for layer in model.model.layers:
            layer.post_attention_layernorm.weight.add_(2)
            layer.post_feedforward_layernorm.weight.add_(2)
    return save_folder(folder, model, tiny_tokenizer())
