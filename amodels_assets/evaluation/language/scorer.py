"""A language model behind lm-eval's interface, faster than lm-eval's own and with the same scores.

Belongs here: log-likelihoods of continuations. Does not belong here: free answers
(``generation.py``), the plan of a batch (``trees.py``).

What makes it faster: a context is computed once for all its choices, what all contexts begin with
(worked examples, an instruction) once for all items; sequences of like length go together; logits
are computed only where a choice is predicted. A model for which this does not give what its own
forward pass gives is scored as lm-eval does it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from transformers import DynamicCache

from amodels_assets.evaluation.language.generation import Generator
from amodels_assets.evaluation.language.trees import Tree, batches, common_prefix, make_trees

Advance = Callable[[int, int], None]
Answer = tuple[float, bool]
# Sharing less than this costs as much as it saves.
LEAST_SHARED = 16
# Tokens of a batch, with padding, at most, and how many could be computed in the time that a batch
# takes by itself: reading the weights on a CPU, launching kernels on a GPU.
_BUDGET = {"cpu": 1024, "cuda": 32_768}
_OVERHEAD = {"cpu": 16, "cuda": 4096}
# Rows of logits at once: a vocabulary of 50,000 in float32 takes 50 MB for so many.
_ROWS_OF_LOGITS = 256
_PROBE_TOLERANCE = 1e-3
_LAYERS = {"full_attention", "sliding_attention"}


class TreeScorer(HFLM):
    """Scores continuations and generates answers for lm-eval.

    Attributes:
        given: Tokens of all requests, contexts and answers; what ``computed`` is to be compared to.
        computed: Tokens that went through the model, without padding.
        truncated: Requests that did not fit into the model and lost their beginning.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        advance: Advance | None = None,
    ) -> None:
        """Take a loaded model.

        Args:
            model: A causal ``transformers`` model, in evaluation mode.
            tokenizer: Its tokenizer.
            advance: Told how many requests of how many are done.
        """
        # It warns of what is meant here: a model that is loaded already.
        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        # Its own batch size is used where this scorer hands back to it.
        super().__init__(
            pretrained=model, tokenizer=tokenizer, batch_size=1, device=str(model.device)
        )
        model.eval()
        self.budget = _BUDGET.get(model.device.type, 1024)
        self.overhead = _OVERHEAD.get(model.device.type, 16)
        self.advance = advance or (lambda _done, _all: None)
        self.given = self.computed = self.truncated = 0
        self._vocabulary = min(model.config.vocab_size, len(tokenizer))
        self._head = model.get_output_embeddings()
        self._softcap = getattr(model.config, "final_logit_softcapping", None)
        self.shares = self._same_as_the_model()

    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str], list[int], list[int]]],
        disable_tqdm: bool = False,  # noqa: ARG002 (lm-eval's)
        override_bs: int | None = None,  # noqa: ARG002 (lm-eval's)
    ) -> list[Answer]:
        """Log-likelihood of each continuation, and whether greedy decoding would give it.

        Args:
            requests: Texts, tokens of the context, tokens of the continuation.
            disable_tqdm: Of lm-eval's own.
            override_bs: Of lm-eval's own.
        """
        self.given += sum(len(context) + len(tokens) for _, context, tokens in requests)
        # Each choice of a context that is too long loses another part of it: nothing is shared.
        fits = [
            self.shares and len(context) + len(tokens) <= self.max_length + 1
            for _, context, tokens in requests
        ]
        places = [place for place, fit in enumerate(fits) if fit]
        others = [place for place, fit in enumerate(fits) if not fit]
        found: list[Answer | None] = [None] * len(requests)
        answers = self._through_trees([requests[place][1:] for place in places])
        for place, answer in zip(places, answers, strict=True):
            found[place] = answer
        if others:
            self.truncated += len(others) if self.shares else 0
            rest = super()._loglikelihood_tokens([requests[place] for place in others], True)
            self.computed += sum(len(requests[p][1]) + len(requests[p][2]) for p in others)
            for place, answer in zip(others, rest, strict=True):
                found[place] = answer
        for (texts, _, _), answer in zip(requests, found, strict=True):
            # Rolling log-likelihoods have no texts.
            if texts is not None:
                self.cache_hook.add_partial("loglikelihood", texts, answer)
        return [answer for answer in found if answer is not None]

    def loglikelihood(
        self,
        requests: list[Any],
        disable_tqdm: bool = True,  # noqa: ARG002 (lm-eval's)
    ) -> list[Answer]:
        """Log-likelihoods of lm-eval's requests; ``advance`` is told how far it is."""
        return super().loglikelihood(requests, disable_tqdm=True)

    def generate_until(
        self,
        requests: list[Any],
        disable_tqdm: bool = False,  # noqa: ARG002 (lm-eval's)
    ) -> list[str]:
        """Answers in free text; see :class:`generation.Generator`."""
        generator = Generator(self)
        texts = generator.answers([request.args for request in requests])
        self.given += generator.given
        self.computed += generator.computed
        self.truncated += generator.truncated
        for request, text in zip(requests, texts, strict=True):
            self.cache_hook.add_partial("generate_until", request.args, text)
        return texts

    @torch.inference_mode()
    def prefix_cache(self, prefix: Sequence[int]) -> DynamicCache | None:
        """Keys and values of what all requests begin with, for one row; None for nothing."""
        if not prefix:
            return None
        cache = DynamicCache()
        tokens = torch.tensor([list(prefix)], device=self.device)
        self.model.base_model(input_ids=tokens, cache=cache, use_cache=True)
        self.computed += len(prefix)
        return cache

    def _through_trees(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[Answer]:
        if not pairs:
            return []
        contexts = list({tuple(context): None for context, _ in pairs})
        shared = common_prefix(contexts, LEAST_SHARED)
        cache = self.prefix_cache(contexts[0][:shared])
        trees = make_trees(pairs, shared)
        found: list[Answer] = [(0.0, False)] * len(pairs)
        done = 0
        for places in batches([len(tree) for tree in trees], self.budget, self.overhead):
            batch = [trees[place] for place in places]
            for number, answer in self._scored(batch, pairs, cache, shared):
                found[number] = answer
            done += sum(len(tree.requests) for tree in batch)
            self.advance(done, len(pairs))
        return found

    @torch.inference_mode()
    def _scored(
        self,
        trees: Sequence[Tree],
        pairs: Sequence[tuple[list[int], list[int]]],
        prefix: DynamicCache | None,
        shared: int,
    ) -> list[tuple[int, Answer]]:
        """Answers of the requests in some trees, by the request's number."""
        hidden = self._hidden(trees, prefix, shared)
        rows, columns, targets, owners = [], [], [], []
        for row, tree in enumerate(trees):
            for path, number in zip(tree.paths, tree.requests, strict=True):
                start = len(tree.context)
                rows += [row] * len(path)
                columns += [start + place if place >= 0 else start - 1 for place in path]
                targets += pairs[number][1]
                owners += [number] * len(path)
        # Choices often begin alike: each place of the tree is asked once.
        asked, inverse = np.unique(np.array([rows, columns]), axis=1, return_inverse=True)
        logprobs, greedy = self._targets(
            hidden[torch.from_numpy(asked[0]), torch.from_numpy(asked[1])],
            inverse.reshape(-1),
            np.array(targets),
        )
        totals: dict[int, Answer] = {}
        for owner, logprob, same in zip(owners, logprobs, greedy, strict=True):
            total, all_same = totals.get(owner, (0.0, True))
            totals[owner] = (total + logprob, all_same and same)
        return list(totals.items())

    def _hidden(
        self, trees: Sequence[Tree], prefix: DynamicCache | None, shared: int
    ) -> torch.Tensor:
        """Last hidden states of a batch of trees, (trees, longest, width)."""
        width = max(len(tree) for tree in trees)
        tokens = np.zeros((len(trees), width), dtype=np.int64)
        positions = np.zeros((len(trees), width), dtype=np.int64)
        sees = np.zeros((len(trees), width, shared + width), dtype=bool)
        # What is only padding sees itself, so that its softmax has something to divide by.
        sees[:, np.arange(width), shared + np.arange(width)] = True
        for row, tree in enumerate(trees):
            size = len(tree)
            tokens[row, :size] = tree.context + tree.nodes
            positions[row, :size] = shared + tree.depths()
            sees[row, :size, :shared] = True
            sees[row, :size, shared : shared + size] = tree.sees()
            self.computed += size
        cache = None if prefix is None else repeated(prefix, len(trees))
        done = self.model.base_model(
            input_ids=torch.from_numpy(tokens).to(self.device),
            position_ids=torch.from_numpy(positions).to(self.device),
            attention_mask=self._masks(sees, positions, shared),
            cache=cache,
            use_cache=cache is not None,
        )
        return done.last_hidden_state

    def _masks(self, sees: np.ndarray, positions: np.ndarray, shared: int) -> Any:
        """What is added to attention scores, for each kind of layer that the model has."""
        config = self.model.config
        window = getattr(config, "sliding_window", None)
        kinds = set(getattr(config, "layer_types", None) or ())
        everything = self._additive(sees)
        if not window or (kinds and "sliding_attention" not in kinds):
            return everything
        before = np.broadcast_to(np.arange(shared), (len(positions), shared))
        keys = np.concatenate([before, positions], axis=1)
        near = self._additive(sees & (positions[:, :, None] - keys[:, None, :] < window))
        return {"full_attention": everything, "sliding_attention": near} if kinds else near

    def _additive(self, sees: np.ndarray) -> torch.Tensor:
        dtype = self.model.dtype
        mask = torch.zeros(sees.shape, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(~sees), torch.finfo(dtype).min)
        return mask[:, None].to(self.device)

    def _targets(
        self, hidden: torch.Tensor, places: np.ndarray, targets: np.ndarray
    ) -> tuple[list[float], list[bool]]:
        """Log-probability of each target at its place, and whether it is the likeliest token."""
        logprobs = np.zeros(len(targets))
        greedy = np.zeros(len(targets), dtype=bool)
        for start in range(0, len(hidden), _ROWS_OF_LOGITS):
            logits = self._logits(hidden[start : start + _ROWS_OF_LOGITS])
            here = np.flatnonzero((places >= start) & (places < start + len(logits)))
            rows = torch.from_numpy(places[here] - start)
            wanted = torch.from_numpy(targets[here])
            total, best = torch.logsumexp(logits, dim=-1), logits.argmax(dim=-1)
            logprobs[here] = (logits[rows, wanted] - total[rows]).double().cpu().numpy()
            greedy[here] = (best[rows].cpu() == wanted).numpy()
        return logprobs.tolist(), greedy.tolist()

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        logits = self._head(hidden).float()
        cap = self._softcap
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def _same_as_the_model(self) -> bool:
        """Whether a small tree gives what the model's own forward pass gives for each choice."""
        kinds = set(getattr(self.model.config, "layer_types", None) or ())
        if self.backend != "causal" or not kinds <= _LAYERS:
            return False
        drawn = np.random.default_rng(0).integers(0, self._vocabulary, 24).tolist()
        context, choices = drawn[:9], [drawn[9:12], [drawn[9], *drawn[12:14]], drawn[14:15]]
        pairs = [(context, choice) for choice in choices]
        try:
            ours = [
                self._scored(
                    make_trees(pairs, shared), pairs, self.prefix_cache(context[:shared]), shared
                )
                for shared in (0, 4)
            ]
        # A model that takes other arguments is one that must be asked in its own way.
        except (TypeError, ValueError, AttributeError, RuntimeError):
            return False
        finally:
            self.computed = 0
        for number, (_, choice) in enumerate(pairs):
            expected = self._plain(context, choice)
            if any(
                abs(dict(o)[number][0] - expected) > _PROBE_TOLERANCE * max(1, -expected)
                for o in ours
            ):
                return False
        return True

    @torch.inference_mode()
    def _plain(self, context: list[int], choice: list[int]) -> float:
        tokens = torch.tensor([context + choice[:-1]], device=self.device)
        logits = self.model(tokens).logits[0, len(context) - 1 :].float()
        picked = torch.log_softmax(logits, dim=-1).gather(
            1, torch.tensor(choice, device=self.device)[:, None]
        )
        return float(picked.sum())


def repeated(cache: DynamicCache, rows: int) -> DynamicCache:
    """The cache of one row for so many rows; the original stays as it is."""
    found = DynamicCache()
    layers: Any = cache.layers
    for number, layer in enumerate(layers):
        found.update(
            layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1), number
        )
    return found
