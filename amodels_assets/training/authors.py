"""The weights that the authors of the Relational Transformer published, for our network.

Belongs here: names and shapes of the state dicts of their package, ``relational-transformer`` 1.10
(MIT licence), and what of ours they become. Does not belong here: reading files. Imports torch.

Their network is ours with fewer kinds of values: truth values are numbers to it, categories are
texts, a number has one feature, and nothing stands for a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from amodels_assets.training.batch import KIND_COUNT, MISSING, VALUE_WIDTH
from amodels_assets.training.network import RelationalTransformer
from amodels_assets.training.network_config import NetworkConfig
from amodels_assets.training.tensors import NUMBER_KINDS, TEXT_KINDS

ORDER = ("column", "feature", "neighbour")
_ATTENTIONS = {"col": "column", "feat": "feature", "nbr": "neighbour"}
_PROJECTIONS = {"wq": "query", "wk": "key", "wv": "value", "wg": "gate", "wo": "out"}
_MLP = {"w1": "gate", "w3": "value", "w2": "out"}
# Their kind of value for each of ours, in the order of the kinds' numbers.
_NUMBERS = ("number", "number", "datetime")
_TEXTS = ("text", "text")
_HEADS = {
    "numeric": "number",
    "boolean": "number",
    "datetime": "datetime",
    "categorical": "text",
    "text": "text",
}


class ConversionError(ValueError):
    """A state dict is not one of the authors'; the message says what is missing or too much."""


def converted(state: Mapping[str, Tensor]) -> RelationalTransformer:
    """Our network with the authors' weights.

    On cells of their kinds, and with the first feature of a number or moment as its only one, it
    says what theirs says.

    Args:
        state: State dict of their ``RelationalTransformer``.

    Raises:
        ConversionError: Names or shapes are not those of their package, release 1.10.
    """
    try:
        network = RelationalTransformer(authors_config(state))
        ours = dict(_converted(state, network))
        network.load_state_dict(ours)
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        raise ConversionError(
            "This is no state dict of relational-transformer 1.10; convert one saved by that "
            f"release: {error}"
        ) from error
    left = set(state) - _names(network.config)
    if left:
        raise ConversionError(f"Weights that nothing is known of: {', '.join(sorted(left))}")
    return network


def authors_config(state: Mapping[str, Tensor]) -> NetworkConfig:
    """Size and shape of a network, from its state dict."""
    blocks = {int(name.split(".")[1]) for name in state if name.startswith("blocks.")}
    return NetworkConfig(
        width=len(state["norm_out.scale"]),
        blocks=max(blocks, default=0) + 1,
        heads=state["blocks.0.attns.col.scale"].shape[1],
        hidden=len(state["blocks.0.ffn.w1.weight"]),
        text_width=state["enc_dict.text.weight"].shape[1],
        order=ORDER,
    )


def _converted(
    state: Mapping[str, Tensor], network: RelationalTransformer
) -> Iterator[tuple[str, Tensor]]:
    """Our names and tensors."""
    ours = network.state_dict()
    for position, theirs in enumerate(_NUMBERS):
        weight = state[f"enc_dict.{theirs}.weight"].float()
        # The features that they do not have count for nothing until they are trained.
        wide = torch.cat([weight, weight.new_zeros(len(weight), VALUE_WIDTH - 1)], dim=1)
        yield f"encoder.numbers.{position}.0.weight", wide
        yield f"encoder.numbers.{position}.0.bias", state[f"enc_dict.{theirs}.bias"]
        yield f"encoder.numbers.{position}.1.weight", state[f"norm_dict.{theirs}.scale"]
    texts = [(f"texts.{position}", theirs) for position, theirs in enumerate(_TEXTS)]
    for name, theirs in (*texts, ("name", "col_name")):
        yield f"encoder.{name}.0.weight", state[f"enc_dict.{theirs}.weight"]
        yield f"encoder.{name}.0.bias", state[f"enc_dict.{theirs}.bias"]
        yield f"encoder.{name}.1.weight", state[f"norm_dict.{theirs}.scale"]
    hidden = torch.zeros(KIND_COUNT, network.config.width)
    for kind, theirs in zip(NUMBER_KINDS + TEXT_KINDS, _NUMBERS + _TEXTS, strict=True):
        hidden[kind] = state[f"mask_embs.{theirs}"]
    hidden[MISSING] = 0
    yield "encoder.hidden", hidden
    # With them, a value counts the same in every column and in rows of any age.
    for name in ("encoder.film.weight", "encoder.age.weight"):
        yield name, torch.zeros_like(ours[name])
    yield "heads.sharpness", ours["heads.sharpness"]
    for block in range(network.config.blocks):
        yield from _block(state, block)
    yield "norm.weight", state["norm_out.scale"]
    for head, theirs in _HEADS.items():
        for part in ("weight", "bias"):
            yield f"heads.{head}.{part}", state[f"dec_dict.{theirs}.{part}"]


def _block(state: Mapping[str, Tensor], block: int) -> Iterator[tuple[str, Tensor]]:
    for short, name in _ATTENTIONS.items():
        ours, theirs = f"blocks.{block}.attentions.{name}", f"blocks.{block}.attns.{short}"
        yield f"{ours}.norm", state[f"blocks.{block}.norms.{short}.scale"]
        yield f"{ours}.query_norm", state[f"{theirs}.q_norm.scale"]
        yield f"{ours}.key_norm", state[f"{theirs}.k_norm.scale"]
        yield f"{ours}.head_scale", state[f"{theirs}.scale"].flatten()
        for matrix, part in _PROJECTIONS.items():
            yield f"{ours}.{part}.weight", state[f"{theirs}.{matrix}.weight"]
    yield f"blocks.{block}.mlp.norm", state[f"blocks.{block}.norms.ffn.scale"]
    for matrix, part in _MLP.items():
        yield f"blocks.{block}.mlp.{part}.weight", state[f"blocks.{block}.ffn.{matrix}.weight"]


def _names(config: NetworkConfig) -> set[str]:
    """Every name in a state dict of theirs."""
    kinds = ("number", "text", "datetime")
    names = {f"mask_embs.{kind}" for kind in kinds} | {"norm_out.scale"}
    for kind in (*kinds, "col_name"):
        names |= {f"enc_dict.{kind}.weight", f"enc_dict.{kind}.bias", f"norm_dict.{kind}.scale"}
    for kind in kinds:
        names |= {f"dec_dict.{kind}.weight", f"dec_dict.{kind}.bias"}
    for block in range(config.blocks):
        names |= {f"blocks.{block}.norms.{part}.scale" for part in (*_ATTENTIONS, "ffn")}
        names |= {f"blocks.{block}.ffn.{matrix}.weight" for matrix in _MLP}
        for short in _ATTENTIONS:
            theirs = f"blocks.{block}.attns.{short}"
            names |= {f"{theirs}.{part}" for part in ("scale", "q_norm.scale", "k_norm.scale")}
            names |= {f"{theirs}.{matrix}.weight" for matrix in _PROJECTIONS}
    return names
