"""Attention within conversations that stand behind one another, as transformers calls it.

Belongs here: the function, and the check that a model uses it as it uses its own. Does not belong
here: where conversations begin (``batch.py``). Imports torch.

Conversations are short: looking at each by itself costs a fraction of a mask over all pairs of
tokens, and nothing is computed that a mask would take away again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention

from amodels_assets.questions.packing import TokenizedConversation
from amodels_assets.training.language.batch import Segments, pack
from amodels_assets.training.language.tree import SHORTEST
from amodels_assets.training.work import TrainingError

NAME = "conversations"
# How far logits of the same model may lie apart: float32 sums in another order.
_TOLERANCE = 1e-3


def attend(  # noqa: PLR0917 (transformers' own form)
    module: nn.Module,  # noqa: ARG001
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001
    dropout: float = 0.0,
    scaling: float | None = None,
    *,
    segments: Segments,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of a packed batch.

    Args:
        module: The layer.
        query: Shape (1, heads, n, width).
        key: Shape (1, heads or a part of them, n, width).
        value: As the keys.
        attention_mask: None; who sees whom is said by the segments.
        dropout: Share of the weights that is dropped.
        scaling: Factor of the scores.
        segments: Of the batch.
        sliding_window: How far back a token sees.
        softcap: Bound of the scores.

    Returns:
        Shape (1, n, heads, width), and no weights.
    """
    copies = query.shape[1] // key.shape[1]
    if copies > 1:
        key, value = (part.repeat_interleave(copies, dim=1) for part in (key, value))
    sizes = list(segments.sizes)
    queries, keys, values = (part.split(sizes, dim=2) for part in (query, key, value))
    found = []
    for number, before in enumerate(segments.before):
        k, v = keys[number], values[number]
        if before:
            k = torch.cat([*(keys[n] for n in before), k], dim=2)
            v = torch.cat([*(values[n] for n in before), v], dim=2)
        mask = segments.mask(sizes[number], k.shape[2], sliding_window, query)
        found.append(_weighted(queries[number], k, v, mask, dropout, scaling, softcap))
    return torch.cat(found, dim=2).transpose(1, 2).contiguous(), None


def _weighted(  # noqa: PLR0917
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    dropout: float,
    scaling: float | None,
    softcap: float | None,
) -> Tensor:
    if not softcap:
        return scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = softcap * torch.tanh(query @ key.transpose(2, 3) * scale / softcap) + mask
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return drop(weights, dropout) @ value


def use_segments(model: Any) -> None:
    """Let a model attend within conversations, and see that it then says what it said before.

    Args:
        model: A causal language model of transformers, in float32 or bfloat16.

    Raises:
        TrainingError: It does not: conversations would see each other.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    draw = np.random.default_rng(0)
    size = model.get_input_embeddings().num_embeddings
    begin = draw.integers(0, size, SHORTEST + 1)
    texts = [np.concatenate([begin, [n], draw.integers(0, size, 4 * n)]) for n in (1, 2)]
    probes = [
        TokenizedConversation(t.astype(np.int32), np.arange(len(t)) > SHORTEST) for t in texts
    ]
    training = model.training
    model.eval()
    with torch.inference_mode():
        own = [_logits(model, [probe], plain=True) for probe in probes]
        model.set_attn_implementation(NAME)
        packed = _logits(model, probes, plain=False)
    model.train(training)
    wanted = torch.cat(own)
    apart = float((packed - wanted).abs().max() / wanted.abs().max())
    # Half the digits of bfloat16 are lost on the way through a network.
    bound = _TOLERANCE if model.dtype == torch.float32 else 64 * _TOLERANCE
    if not apart < bound:
        raise TrainingError(
            f"{type(model).__name__} cannot be trained on packed conversations: beside others a "
            f"conversation is read otherwise than alone (logits differ by {apart:.2g})"
        )


def _logits(model: Any, conversations: list[TokenizedConversation], *, plain: bool) -> Tensor:
    batch = pack(conversations, str(model.device))
    more = {} if plain else {"segments": batch.segments}
    found = model(
        input_ids=batch.tokens,
        position_ids=batch.positions,
        logits_to_keep=batch.places,
        use_cache=False,
        **more,
    )
    return found.logits[0].float()
