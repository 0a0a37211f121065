"""Weights in safetensors files: which files, which tensors, how many parameters.

Belongs here: reading headers and the index of shards, and refusing those that lie. Does not belong
here: the values; no weight is loaded.

The checks of a header (offsets inside the file, no overlap, no hole, sizes that fit the shapes) are
the safetensors library's own; the tests hold it to them with files made byte by byte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path

from amodels_assets.models.foreign import ModelError, plain_name, read_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# As safetensors names them, to the names that torch and configurations use.
DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor: safetensors' name of the type, and the shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Weights:
    """All weights of a model.

    Attributes:
        files: Names of the files that hold them, sorted; with the index where there is one.
        tensors: How many tensors.
        values: Safetensors' name of a type to how many values are stored in it.
    """

    files: tuple[str, ...]
    tensors: int
    values: dict[str, int]

    @property
    def parameters(self) -> int:
        """Values in all; tied weights count once, as they are stored once."""
        return sum(self.values.values())

    @property
    def dtype(self) -> str:
        """The type of most values."""
        name = max(self.values, key=lambda key: (self.values[key], key))
        return DTYPES.get(name, name)


def read_header(path: Path) -> dict[str, Tensor]:
    """Tensors of one safetensors file by name, after the library's checks of its header.

    Raises:
        ModelError: It is missing or its header does not describe it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: Tensor(part.get_dtype(), tuple(part.get_shape()))
                for name, part in slices.items()
            }
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{path.name} is no intact safetensors file ({error}): get it again"
        ) from error


def read_weights(folder: Path) -> Weights:
    """Headers of all weight files of a folder.

    As transformers does, ``model.safetensors`` is taken where it is, else the files of the index.

    Raises:
        ModelError: There are none, one is missing or lies, or the index does not fit them.
    """
    if (folder / SINGLE).is_file():
        return _summary({SINGLE: read_header(folder / SINGLE)}, ())
    if not (folder / INDEX).is_file():
        raise ModelError(f"{folder} has neither {SINGLE} nor {INDEX}")
    mapping = read_json(folder / INDEX).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise ModelError(f"{INDEX} has no weight_map that says in which file each tensor is")
    shards = {plain_name(shard, INDEX) for shard in mapping.values()}
    for shard in sorted(shards):
        if not shard.endswith(".safetensors"):
            raise ModelError(f"{INDEX} names {shard}, which is no safetensors file")
    headers = {shard: read_header(folder / shard) for shard in sorted(shards)}
    for shard, header in headers.items():
        named = {tensor for tensor, where in mapping.items() if where == shard}
        if odd := sorted(named ^ header.keys()):
            raise ModelError(f"{INDEX} and {shard} disagree about the tensor {odd[0]}")
    return _summary(headers, (INDEX,))


def _summary(headers: dict[str, dict[str, Tensor]], others: tuple[str, ...]) -> Weights:
    values: Counter[str] = Counter()
    tensors = [tensor for header in headers.values() for tensor in header.values()]
    for tensor in tensors:
        values[tensor.dtype] += prod(tensor.shape)
    if not values.total():
        raise ModelError(f"{', '.join(headers)}: there are no weights in it")
    return Weights(tuple(sorted((*headers, *others))), len(tensors), dict(sorted(values.items())))
