"""Tiny random models with a tokenizer, as safetensors folders and as GGUF files.

Belongs here: models of a few thousand weights for tests, and their way into GGUF, which
follows what llama.cpp's converter does to the weights of each family. Does not belong here: what
is being tested.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

TEXT = "the table holds one row per account and day; the view joins accounts to clients. "
CHAT = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
PROBES = ("the table", "one row per account: 12 345", " a  b\n\tc", "é ü 表", "")


def seeded(model: Any) -> Any:
    """Weights that are large enough for the logits to differ."""
    import torch

    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


def byte_level_tokenizer() -> Any:
    """Byte-level BPE that adds no BOS, like SmolLM2's."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        show_progress=False,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator([TEXT] * 4, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        unk_token="<|endoftext|>",
        pad_token="<|im_end|>",
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def llama() -> Any:
    """A Llama of 2 layers with tied embeddings and grouped heads."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return seeded(
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=300,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=128,
                tie_word_embeddings=True,
                bos_token_id=1,
                eos_token_id=2,
            )
        )
    )


def pieces() -> list[str]:
    """A sentencepiece vocabulary as Gemma has it: specials, bytes, characters, merged pieces."""
    words = ["th", "the", "▁the", "ta", "tab", "le", "table", "▁table", "ro", "row", "▁row", "nt"]
    characters = ["▁", *"abcdefghijklmnopqrstuvwxyz.;:0123456789"]
    found = [f"<0x{number:02X}>" for number in range(256)]
    return ["<pad>", "<eos>", "<bos>", "<unk>", *found, *characters, "▁t", "▁r", *words]


def sentencepiece_tokenizer() -> Any:
    """Gemma's kind of tokenizer, which begins every text with BOS."""
    from transformers import GemmaTokenizer
    from transformers.tokenization_utils_base import generate_merges

    vocabulary = {piece: number for number, piece in enumerate(pieces())}
    merges = generate_merges(vocabulary, {piece: -n for piece, n in vocabulary.items()})
    return GemmaTokenizer(vocab=vocabulary, merges=merges, add_bos_token=True)


def gemma() -> Any:
    """A Gemma 2 of 2 layers."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return seeded(
        Gemma2ForCausalLM(
            Gemma2Config(
                vocab_size=len(pieces()),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                head_dim=8,
                max_position_embeddings=128,
                sliding_window=64,
                bos_token_id=2,
                eos_token_id=1,
                pad_token_id=0,
            )
        )
    )


def vault_gemma_config(window: int, **changes: Any) -> Any:
    """Of a VaultGemma of 2 layers, of which one sees no further back than the window."""
    from transformers import VaultGemmaConfig

    sizes = {
        "vocab_size": 300,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 128,
        "layer_types": ["sliding_attention", "full_attention"],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    return VaultGemmaConfig(**{**sizes, "sliding_window": window, **changes})


def save_folder(folder: Path, model: Any, tokenizer: Any) -> Path:
    """Write a folder as hubs hold them."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(
    path: Path,
    model: Any,
    tokenizer: Any,
    *,
    kind: str = "F16",
    pre: str = "gpt-2",
    add_bos: bool | None = False,
    more: dict[str, np.ndarray] | None = None,
    without: str = "",
) -> Path:
    """Write a model and its tokenizer as llama.cpp's converter would.

    Args:
        path: To write.
        model: A Llama or a Gemma 2.
        tokenizer: Its tokenizer.
        kind: How matrices are stored: ``F32``, ``F16``, ``BF16`` or ``Q8_0``.
        pre: How a byte-level tokenizer splits text, as llama.cpp names it.
        add_bos: What the file says of BOS for a byte-level tokenizer; None for nothing.
        more: Tensors beside the model's.
        without: A tensor to leave out.
    """
    import gguf

    architecture = {"llama": "llama", "gemma2": "gemma2"}[model.config.model_type]
    writer = gguf.GGUFWriter(path, architecture)
    _write_config(writer, model.config)
    _write_tokenizer(writer, tokenizer, architecture, pre, add_bos)
    for name, values in (_tensors(model, architecture) | (more or {})).items():
        if name != without:
            stored = kind if values.ndim == 2 and values.shape[-1] % 32 == 0 else "F32"
            type_ = gguf.GGMLQuantizationType[stored]
            writer.add_tensor(name, gguf.quantize(values, type_), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(model: Any, architecture: str) -> dict[str, np.ndarray]:
    """Weights by llama.cpp's names."""
    import gguf

    numbers = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(numbers[architecture], model.config.num_hidden_layers)
    found = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        stem, _, suffix = name.rpartition(".")
        found[f"{names.get_name(stem)}.{suffix}"] = _as_llama_cpp_has_it(
            name, tensor.float().numpy(), model.config
        )
    return found


def _write_config(writer: Any, config: Any) -> None:
    writer.add_name("tiny")
    writer.add_license("apache-2.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    if config.model_type == "gemma2":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_sliding_window(config.sliding_window)
    else:
        writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)


def _write_tokenizer(
    writer: Any, tokenizer: Any, architecture: str, pre: str, add_bos: bool | None
) -> None:
    import gguf

    by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(tokenizer.all_special_tokens)
    kinds = [gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t, _ in by_id]
    writer.add_token_list([token for token, _ in by_id])
    if architecture == "gemma2":
        kinds = [
            gguf.TokenType.BYTE if token.startswith("<0x") else kind
            for (token, _), kind in zip(by_id, kinds, strict=True)
        ]
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([-float(number) for _, number in by_id])
        writer.add_add_space_prefix(False)
        writer.add_add_bos_token(True)
    else:
        merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges([" ".join(pair) for pair in merges])
        if add_bos is not None:
            writer.add_add_bos_token(add_bos)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_unk_token_id(tokenizer.unk_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _as_llama_cpp_has_it(name: str, values: np.ndarray, config: Any) -> np.ndarray:
    """Heads of Llama's queries and keys are interleaved; Gemma's norms are stored with 1 added."""
    if config.model_type == "gemma2" and name.endswith("norm.weight"):
        return values + 1
    heads = {
        "q_proj.weight": config.num_attention_heads,
        "k_proj.weight": config.num_key_value_heads,
    }
    for ending, number in heads.items():
        if config.model_type == "llama" and name.endswith(ending):
            split = values.reshape(number, 2, values.shape[0] // number // 2, values.shape[1])
            return split.swapaxes(1, 2).reshape(values.shape)
    return values
