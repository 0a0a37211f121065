"""A GGUF file without its vocabulary, which is all that reading the weights takes.

Belongs here: this copy. transformers reads a file's metadata one token at a time in Python, and
does so twice for a model: for SmolLM2's 49,152 tokens that took 18 s of 36, and Gemma has 262,144.
The tokenizer is converted from the file itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gguf

_TOKENS = "tokenizer.ggml.tokens"


def without_vocabulary(path: Path, copy: Path) -> Path:
    """Write a copy of a GGUF file that has its weights and all that its configuration is made of.

    Args:
        path: The file.
        copy: To write.

    Returns:
        The copy, or the file itself where it stores weights in a way that only the slow reader
        knows.

    Raises:
        ValueError: The file is damaged; other errors too, as the libraries raise them.
    """
    import gguf
    import numpy as np
    from transformers.integrations.gguf import read_gguf_metadata
    from transformers.integrations.gguf.reader import GgufHeader

    metadata, _ = read_gguf_metadata(str(path))
    try:
        header = GgufHeader.from_file(str(path))
    except ValueError:
        return path
    architecture = header.architecture
    content = np.memmap(path, mode="r", dtype=np.uint8)
    writer = gguf.GGUFWriter(copy, architecture)
    for key, value in metadata.items():
        # The configuration also names the tokens that begin and end a text.
        if key == "general.name" or key.startswith(f"{architecture}.") or key.endswith("_token_id"):
            first = value[0] if isinstance(value, list) and value else value
            kinds = {"sub_type": _kind(first)} if isinstance(value, list) else {}
            writer.add_key_value(key, value, _kind(value), **kinds)
    if f"{architecture}.vocab_size" not in metadata and _TOKENS in metadata:
        # Of an array of texts the reader gives the length.
        writer.add_vocab_size(metadata[_TOKENS])
    for tensor in header.tensors:
        type_ = gguf.GGMLQuantizationType(tensor.ggml_type)
        start = header.data_start + tensor.offset
        data = content[start : start + tensor.nbytes]
        shape = gguf.quant_shape_to_byte_shape(tensor.shape, type_)
        writer.add_tensor(tensor.name, data.reshape(shape), raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return copy


def _kind(value: Any) -> gguf.GGUFValueType:
    """The widest type, so that a number stays what it is."""
    import gguf

    kinds = {
        bool: gguf.GGUFValueType.BOOL,
        int: gguf.GGUFValueType.INT64,
        float: gguf.GGUFValueType.FLOAT64,
        str: gguf.GGUFValueType.STRING,
        list: gguf.GGUFValueType.ARRAY,
    }
    return kinds[type(value)]
