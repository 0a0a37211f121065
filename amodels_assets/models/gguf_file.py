"""A GGUF file made into a folder of safetensors, configuration and tokenizer.

Belongs here: dequantising through transformers, mending what its conversion of tokenizers loses,
and proving that the folder speaks as the file does. Does not belong here: running GGUF files.

Two things are known to get lost. BOS: a Gemma without it talks nonsense, and so does a Llama 3; the
file says whether it is wanted, or its kind of tokenizer does. Digits: some tokenizers take each by
itself, which transformers does not know of all that do. Both are mended here and then checked on
the folder as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from amodels_assets.models.foreign import ModelError
from amodels_assets.models.gguf_copy import without_vocabulary
from amodels_assets.models.gguf_facts import GgufFacts, read_facts
from amodels_assets.models.tokenizer import PROBES, begins_with_bos, load_tokenizer

# llama.cpp splits single digits off before anything else for these; transformers does not.
_SINGLE_DIGITS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
_PLAIN_BPE = {"gpt-2", "phi-2"}
DTYPES = ("float32", "float16", "bfloat16")
# Of the largest logit; rounding a matrix to 16 bits moves logits by far less than quantising did.
_TOLERANCE = {"float32": 1e-3, "float16": 0.02, "bfloat16": 0.1}
_GENERATED = 8


@dataclass(frozen=True)
class Converted:
    """What came of a GGUF file.

    Attributes:
        facts: What the file said.
        dtype: In which the weights are now.
        deviation: Largest difference of a logit, relative to the largest logit.
        spoken: What the model goes on with after the first of the probes.
        notes: What somebody who uses the model should know.
    """

    facts: GgufFacts
    dtype: str
    deviation: float
    spoken: str
    notes: tuple[str, ...]


def convert(path: Path, folder: Path, dtype: str | None = None) -> Converted:
    """Write a GGUF file as safetensors, configuration and tokenizer, and check the result.

    Args:
        path: The GGUF file.
        folder: Is there already.
        dtype: Of the weights, one of :data:`DTYPES`; by default float32 and bfloat16 as the file
            has them, and float16 for anything else.

    Raises:
        ModelError: The file cannot be read, transformers does not know its architecture, or the
            folder does not say what the file says.
    """
    facts = read_facts(path)
    chosen = dtype or _default_dtype(facts.stored)
    tokenizer = _tokenizer(path, facts)
    with TemporaryDirectory(dir=folder) as aside:
        model = _dequantised(path, Path(aside))
    sequence, logits = _probe(model, tokenizer)
    notes = _notes(model, facts)
    _save(model, folder, chosen)
    tokenizer.save_pretrained(folder)
    del model
    _check_tokenizer(folder, facts, tokenizer)
    deviation = _check_weights(folder, sequence, logits, chosen)
    spoken = tokenizer.decode(sequence[0, -_GENERATED:])
    return Converted(facts, chosen, deviation, spoken, notes)


def _default_dtype(stored: dict[str, int]) -> str:
    """As most tensors are stored; norms are always float32 and decide nothing."""
    matrices = {name: number for name, number in stored.items() if name != "F32"} or stored
    most = max(matrices, key=lambda name: matrices[name])
    return {"F32": "float32", "BF16": "bfloat16"}.get(most, "float16")


def _tokenizer(path: Path, facts: GgufFacts) -> Any:
    from tokenizers import pre_tokenizers
    from transformers.tokenization_utils_tokenizers import TokenizersBackend

    try:
        # The class is named, or transformers reads the whole file once more to guess it.
        tokenizer = TokenizersBackend.from_pretrained(
            path.parent, gguf_file=path.name, local_files_only=True
        )
    except Exception as error:
        raise ModelError(
            f"the tokenizer in {path.name} cannot be converted ({error!s:.300})"
        ) from error
    tokenizer.add_bos_token = facts.adds_bos
    if facts.pre_tokenizer in _SINGLE_DIGITS:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    return tokenizer


def _dequantised(path: Path, aside: Path) -> Any:
    """The model in float32; its configuration still says that it was a GGUF file."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    try:
        weights = without_vocabulary(path, aside / "weights.gguf")
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            weights.parent,
            gguf_file=weights.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
        )
        model, info = loaded
    except Exception as error:
        raise ModelError(f"{path.name} cannot be dequantised ({error!s:.300})") from error
    if missing := sorted(map(str, (*info["missing_keys"], *info["mismatched_keys"]))):
        raise ModelError(f"{path.name} has no weights that fit {missing[0]}: it is not whole")
    return model.eval()


def _save(model: Any, folder: Path, dtype: str) -> None:
    """Write the weights in ``dtype``, and a configuration without a word of GGUF."""
    import torch

    told = {"quantization_config", "_model_name_or_path"}
    config = type(model.config).from_dict(
        {key: value for key, value in model.config.to_dict().items() if key not in told}
    )
    with torch.device("meta"):
        plain = type(model)(config)
    weights = {name: value.to(getattr(torch, dtype)) for name, value in model.state_dict().items()}
    if odd := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise ModelError(f"{odd[0]} holds values that {dtype} cannot: say --dtype float32")
    plain.load_state_dict(weights, assign=True)
    plain.tie_weights()
    plain.save_pretrained(folder)


def _probe(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    """What the model says after a probe, greedily, and its logits on the way.

    Returns:
        Token numbers ``[1, tokens]`` and logits ``[tokens, vocabulary]``, both torch tensors.
    """
    import torch

    inputs = tokenizer(PROBES[0], return_tensors="pt")
    with torch.inference_mode():
        sequence = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=_GENERATED,
            min_new_tokens=_GENERATED,
            do_sample=False,
        )
        return sequence, model(sequence).logits[0].float()


def _check_tokenizer(folder: Path, facts: GgufFacts, tokenizer: Any) -> None:
    written = load_tokenizer(folder)
    for text in PROBES:
        if written(text).input_ids != tokenizer(text).input_ids:
            raise ModelError(f"the tokenizer as it was written cuts {text!r} in another way")
        if begins_with_bos(written, text) != facts.adds_bos:
            raise ModelError(
                f"the file wants {'' if facts.adds_bos else 'no '}BOS before a text, and the "
                "tokenizer as it was written does otherwise"
            )
    if written.bos_token_id != facts.bos_id:
        raise ModelError(f"BOS is token {facts.bos_id} in the file and {written.bos_token_id} here")


def _check_weights(folder: Path, sequence: Any, logits: Any, dtype: str) -> float:
    """Compare the folder's logits with the file's; the largest difference, relative."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
    )
    with torch.inference_mode():
        found = model(sequence).logits[0]
    deviation = ((found - logits).abs().max() / logits.abs().max()).item()
    if not deviation <= _TOLERANCE[dtype]:
        raise ModelError(
            f"the weights as they were written answer otherwise than the file: a logit is off by "
            f"{deviation:.1%} of the largest"
        )
    return deviation


def _notes(model: Any, facts: GgufFacts) -> tuple[str, ...]:
    notes = []
    if unused := _unused(model, facts):
        notes.append(
            f"transformers has no place for {len(unused)} tensors of the file "
            f"({', '.join(unused[:3])}): the model may answer otherwise than under llama.cpp"
        )
    pre = facts.pre_tokenizer
    if pre is not None and pre not in _known_pre_tokenizers():
        notes.append(
            f"transformers does not know how the tokenizer {pre!r} splits text: figures and white "
            "space may be cut otherwise than under llama.cpp"
        )
    return tuple(notes)


def _known_pre_tokenizers() -> set[str]:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    return {*GGUF_PRE_TOKENIZER_SPLITS, *_SINGLE_DIGITS, *_PLAIN_BPE}


def _unused(model: Any, facts: GgufFacts) -> list[str]:
    """Tensors of the file that no parameter is named after."""
    import gguf

    numbers = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
    if facts.architecture not in numbers:
        return []
    names = gguf.get_tensor_name_map(numbers[facts.architecture], model.config.num_hidden_layers)
    used = set()
    for name in model.state_dict():
        stem, _, suffix = name.rpartition(".")
        used.add(f"{names.get_name(stem)}.{suffix}")
    return sorted(set(facts.tensors) - used)
