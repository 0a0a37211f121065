"""Answers in free text: batches of like length, ended as soon as nothing more is needed.

Belongs here: decoding. Does not belong here: log-likelihoods (``scorer.py``).

What all prompts begin with is computed once. An answer that has come to a stop leaves its batch, so
that the others do not wait with it. Greedy, or drawn with a temperature and a top-p; a draw depends
on the seed and on its own prompt alone, not on what else is in the batch.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.models.utils import (
    handle_stop_sequences,
    normalize_gen_kwargs,
    postprocess_generated_text,
)
from transformers import DynamicCache

from amodels_assets.evaluation.language.trees import batches, common_prefix

if TYPE_CHECKING:
    from amodels_assets.evaluation.language.scorer import TreeScorer

# A batch's rows: more of them make a step slower than they save.
_MOST_ROWS = 32
# How many of the last tokens are searched for a stop.
_TAIL = 32


class Generator:
    """Generates with the model of a scorer.

    Attributes:
        given: Tokens of all prompts and answers.
        computed: Tokens that went through the model, without padding.
        truncated: Prompts that lost their beginning.
    """

    def __init__(self, scorer: TreeScorer) -> None:
        self.scorer = scorer
        self.tokenizer: Any = scorer.tokenizer
        self.given = self.computed = self.truncated = 0

    def answers(self, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        """One answer a request, in their order.

        Args:
            requests: Prompt, and lm-eval's settings: ``until``, ``max_gen_toks``, ``do_sample``,
                ``temperature``, ``top_p``, ``seed``.
        """
        found = [""] * len(requests)
        kinds: dict[str, list[int]] = {}
        for place, (_, settings) in enumerate(requests):
            kinds.setdefault(repr(sorted(settings.items())), []).append(place)
        done = 0
        for places in kinds.values():
            settings: dict[str, Any] = dict(
                normalize_gen_kwargs(requests[places[0]][1], self.scorer.max_gen_toks)
            )
            prompts = [self._encoded(requests[place][0], settings) for place in places]
            shared = common_prefix(list({tuple(p): None for p in prompts}), 16)
            prefix = self.scorer.prefix_cache(prompts[0][:shared])
            room = int(settings["max_gen_toks"])
            lengths = [len(prompt) - shared for prompt in prompts]
            # Each step is a batch too, so the overhead of an answer's is counted with it.
            overhead = self.scorer.overhead * (1 + room)
            for chosen in _capped(batches(lengths, self.scorer.budget * 8, overhead), _MOST_ROWS):
                texts = self._batch([prompts[c] for c in chosen], prefix, shared, settings)
                for place, text in zip(chosen, texts, strict=True):
                    found[places[place]] = text
                done += len(chosen)
                self.scorer.advance(done, len(requests))
        return found

    def _encoded(self, prompt: str, settings: Mapping[str, Any]) -> list[int]:
        tokens = self.scorer.tok_encode(prompt)
        most = self.scorer.max_length - int(settings["max_gen_toks"])
        if most <= 0:
            raise ValueError(
                f"answers of {settings['max_gen_toks']} tokens leave no room for a prompt in a "
                f"model of {self.scorer.max_length}"
            )
        self.given += len(tokens)
        if len(tokens) > most:
            self.truncated += 1
        return tokens[-most:]

    @torch.inference_mode()
    def _batch(
        self,
        prompts: Sequence[list[int]],
        prefix: DynamicCache | None,
        shared: int,
        settings: Mapping[str, Any],
    ) -> list[str]:
        from amodels_assets.evaluation.language.scorer import repeated

        scorer, device = self.scorer, self.scorer.device
        rest = [prompt[shared:] for prompt in prompts]
        width = max(len(tokens) for tokens in rest)
        self.computed += sum(len(tokens) for tokens in rest)
        pad = self.tokenizer.pad_token_id or 0
        tokens = torch.tensor([[pad] * (width - len(t)) + t for t in rest], device=device)
        mask = torch.tensor(
            [[1] * shared + [0] * (width - len(t)) + [1] * len(t) for t in rest], device=device
        )
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, shared:]
        cache = DynamicCache() if prefix is None else repeated(prefix, len(prompts))
        stops = handle_stop_sequences(
            list(settings["until"]), eos=self.tokenizer.decode(scorer.eot_token_id)
        )
        draw = _Draw(settings, prompts)
        said: list[list[int]] = [[] for _ in prompts]
        alive = list(range(len(prompts)))
        for _ in range(int(settings["max_gen_toks"])):
            logits = scorer.model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                cache=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            chosen = draw(logits, alive)
            for row, token in zip(alive, chosen, strict=True):
                said[row].append(token)
            going = [
                place for place, row in enumerate(alive) if not self._stopped(said[row], stops)
            ]
            if not going:
                break
            if len(going) < len(alive):
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                mask, positions = mask[keep], positions[keep]
                chosen = [chosen[place] for place in going]
                alive = [alive[place] for place in going]
            self.computed += len(alive)
            tokens = torch.tensor(chosen, device=device)[:, None]
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            positions = positions[:, -1:] + 1
        self.given += sum(len(tokens) for tokens in said)
        return [postprocess_generated_text(self._text(s), stops, None) for s in said]

    def _stopped(self, tokens: Sequence[int], stops: Sequence[str]) -> bool:
        if tokens[-1] == self.scorer.eot_token_id:
            return True
        tail = self.tokenizer.decode(list(tokens[-_TAIL:]))
        return any(stop in tail for stop in stops)

    def _text(self, tokens: Sequence[int]) -> str:
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True)


class _Draw:
    """Picks the next token of every row."""

    def __init__(self, settings: Mapping[str, Any], prompts: Sequence[Sequence[int]]) -> None:
        self.temperature = float(settings.get("temperature") or 0.0)
        self.top_p = float(settings.get("top_p") or 1.0)
        seed = int(settings.get("seed") or 0)
        self.generators = [
            # Of a seed only 32 bits count.
            torch.Generator().manual_seed(zlib.crc32(repr((seed, list(p))).encode()))
            for p in prompts
        ]

    def __call__(self, logits: torch.Tensor, rows: Sequence[int]) -> list[int]:
        if not self.temperature:
            return logits.argmax(dim=-1).tolist()
        probabilities = torch.softmax(logits.float() / self.temperature, dim=-1).cpu()
        ranked, order = probabilities.sort(dim=-1, descending=True)
        # The likeliest tokens that together have the wanted mass; the first always.
        ranked[ranked.cumsum(-1) - ranked >= self.top_p] = 0.0
        return [
            int(order[place, torch.multinomial(ranked[place], 1, generator=self.generators[row])])
            for place, row in enumerate(rows)
        ]


def _capped(found: Any, rows: int) -> Any:
    for places in found:
        for start in range(0, len(places), rows):
            yield places[start : start + rows]
