"""Conversations behind one another give the losses and gradients of the conversations apart."""

from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from amodels_assets.models.store import BaseModel
from amodels_assets.questions.packing import TokenizedConversation
from amodels_assets.training.device import Device
from amodels_assets.training.language import model, tree
from amodels_assets.training.language.batch import pack
from amodels_assets.training.language.material import load_material, packed_orders
from amodels_assets.training.language.model import load_base
from amodels_assets.training.language.tuning import LanguageTuning
from amodels_assets.training.work import TrainingError

from .questions import TINY

CPU = Device()


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor multiplies: what is compared here is compared to the last digits."""
    monkeypatch.setattr(model, "_multiplies_bfloat16", lambda: False)


def work(folder: Path, base: BaseModel, **changes: Any) -> LanguageTuning:
    config = TINY.changed({"adapter.dropout": 0.0, **changes})
    return LanguageTuning(load_material(folder, base.path, config), base, config, CPU)


def plain_loss(model: Any, conversation: TokenizedConversation) -> torch.Tensor:
    """As transformers computes it for one conversation, attention and all."""
    tokens = torch.from_numpy(conversation.tokens.astype(np.int64))
    logits = model(input_ids=tokens[None], use_cache=False).logits[0, :-1]
    counting = torch.from_numpy(conversation.assistant[1:])
    return cross_entropy(logits[counting], tokens[1:][counting], reduction="sum")


@pytest.mark.parametrize("name", ["tiny", "gemma"])
def test_losses_and_gradients_are_those_of_the_conversations_apart(
    name: str, questions_folder: Path, home: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue("base" if name == "tiny" else "gemma")
    of = work(questions_folder, base, mode="full")
    order = next(iter(of.orders(0)))
    places = of.material.members(order, slice(None))
    batch = of.batch(order, slice(None))
    apart = [of.material.train[place] for place in places]
    assert batch.tokens.shape[1] < sum(len(one.tokens) for one in apart), "something is shared"
    loss, count = of.loss(batch)
    loss.backward()
    assert count == sum(int(one.assistant.sum()) for one in apart)
    own = load_base(base.path)
    wanted = sum(plain_loss(own, one) for one in apart)
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-4)
    gradients = {n: p.grad for n, p in of.model.named_parameters()}
    for name, parameter in own.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=1e-4)


def test_micro_batches_and_recomputed_blocks_give_the_same_gradients(
    questions_folder: Path, base: BaseModel
) -> None:
    found = []
    for changes in ({}, {"gradient_checkpointing": True}):
        of = work(questions_folder, base, **changes)
        order = next(iter(of.orders(0)))
        of.model.train()
        for part in (slice(0, 2),) if not changes else (slice(0, 1), slice(1, 2)):
            of.loss(of.batch(order, part))[0].backward()
        found.append({n: p.grad for n, p in of.model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-3, atol=1e-5)


def test_a_conversation_sees_nothing_of_its_neighbours(
    questions_folder: Path, base: BaseModel
) -> None:
    of = work(questions_folder, base)
    one, other, third = of.material.train[0], of.material.train[7], of.material.train[13]
    of.model.eval()
    with torch.inference_mode():
        beside, again = (of.logits(pack([one, neighbour])) for neighbour in (other, third))
    count = int(one.assistant.sum())
    torch.testing.assert_close(beside[:count], again[:count], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(beside[count : count + 2], again[count : count + 2])


def test_logits_are_made_where_they_count_only(questions_folder: Path, base: BaseModel) -> None:
    of = work(questions_folder, base)
    batch = of.batch(next(iter(of.orders(0))), slice(None))
    assert of.logits(batch).shape == (len(batch.targets), 300)
    assert len(batch.targets) < batch.tokens.shape[1] / 4


def test_a_model_that_reads_beyond_attention_is_refused(
    base: BaseModel, questions_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForCausalLM
    from transformers.models.llama.modeling_llama import LlamaMLP

    assert LlamaForCausalLM
    plain = LlamaMLP.forward

    def mixing(self: Any, states: torch.Tensor) -> torch.Tensor:
        """As a recurrent layer does, it lets every token see the one before it."""
        return plain(self, states + states.roll(1, dims=1))

    monkeypatch.setattr(LlamaMLP, "forward", mixing)
    with pytest.raises(TrainingError, match="LlamaForCausalLM cannot be trained on packed conv"):
        work(questions_folder, base)


texts = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=60), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(0, 40))
def test_a_tree_tells_every_conversation(found: list[list[int]], alike: int) -> None:
    conversations = [
        TokenizedConversation(
            np.array([0] * alike + tokens, np.int32), np.ones(alike + len(tokens), bool)
        )
        for tokens in found
    ]
    made = tree.tree_of(conversations)
    for number, conversation in enumerate(conversations):
        pieces = [made.pieces[place] for place in made.paths[number]]
        told = np.concatenate([piece.tokens for piece in pieces])
        assert (told == conversation.tokens).all()
        assert [piece.parent for piece in pieces] == [-1, *made.paths[number][:-1]]
        ends = np.cumsum([len(piece.tokens) for piece in pieces])
        assert [piece.start for piece in pieces] == [0, *ends[:-1]]
    batch = pack(conversations)
    assert batch.answers == tuple(max(0, alike + len(tokens) - 1) for tokens in found)
    wanted = [token for one in conversations for token in one.tokens[1:].tolist()]
    assert batch.targets.tolist() == wanted


def test_questions_about_one_excerpt_are_trained_on_together(
    questions_folder: Path, base: BaseModel
) -> None:
    material = load_material(questions_folder, base.path, TINY)
    assert sorted(place for bundle in material.bundles for place in bundle) == list(range(24))
    assert {len(bundle) for bundle in material.bundles} == {2}
    for one, other in material.bundles:
        first, second = (material.train[place].tokens for place in (one, other))
        assert tree.shared(first, second) > material.common + tree.SHORTEST


def test_the_order_can_be_taken_up_anywhere(questions_folder: Path, base: BaseModel) -> None:
    material = load_material(questions_folder, base.path, TINY)
    all_orders = packed_orders(material, TINY, 0)
    taken = [material.members(next(all_orders), slice(None)) for _ in range(40)]
    for first in (1, 7, 23):
        again = material.members(next(packed_orders(material, TINY, first)), slice(None))
        assert again == taken[first]
    per_epoch = next(n for n in range(1, 41) if {*taken[n]} & {*chain(*taken[:n])})
    epochs = [[*chain(*taken[n : n + per_epoch])] for n in (0, per_epoch)]
    assert per_epoch > 1
    assert all(len(epoch) == len(set(epoch)) for epoch in epochs)
    assert any(one != other for one, other in pairwise(taken))


def test_what_is_trained_on(questions_folder: Path, base: BaseModel) -> None:
    counts = {
        share: len(
            load_material(questions_folder, base.path, TINY.changed({"closed_book": share})).train
        )
        for share in (0.0, 0.25, 1.0)
    }
    assert counts == {0.0: 24, 0.25: 30, 1.0: 48}
    short = load_material(questions_folder, base.path, TINY.changed({"length": 76}))
    assert short.too_long == 24 - len(short.train) > 0
    with pytest.raises(TrainingError, match="no question of the split train of at most 9 tokens"):
        load_material(questions_folder, base.path, TINY.changed({"length": 9}))
    with pytest.raises(TrainingError, match="amodels questions build"):
        load_material(base.path, base.path, TINY)
