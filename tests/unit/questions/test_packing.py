"""Packing: nothing lost, nothing twice, nothing split, and the same order from anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.questions.packing import (
    PackedSequence,
    PackingError,
    TokenizedConversation,
    packed_sequences,
    plan_packing,
)

PADDING = -1


def made(masks: list[list[bool]]) -> list[TokenizedConversation]:
    """Conversations of which every token is another number."""
    found, first = [], 0
    for mask in masks:
        tokens = np.arange(first, first + len(mask), dtype=np.int32)
        found.append(TokenizedConversation(tokens, np.array(mask, dtype=bool)))
        first += len(mask)
    return found


def packed(
    conversations: list[TokenizedConversation], length: int, seed: int = 0, **more: int
) -> list[PackedSequence]:
    sizes = [len(conversation.tokens) for conversation in conversations]
    plan = plan_packing(sizes, length, seed=seed, epoch=more.pop("epoch", 0))
    return list(packed_sequences(conversations, plan, padding=PADDING, **more))


MASKS = st.lists(st.lists(st.booleans(), min_size=1, max_size=12), max_size=25)
LENGTHS = st.integers(12, 30)


@given(MASKS, LENGTHS, st.integers(0, 5), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_every_token_once_and_no_conversation_split(
    masks: list[list[bool]], length: int, seed: int, epoch: int
) -> None:
    conversations = made(masks)
    whole = [conversation.tokens.tolist() for conversation in conversations]
    found = []
    for sequence in packed(conversations, length, seed, epoch=epoch):
        arrays = (sequence.tokens, sequence.segments, sequence.positions, sequence.loss_mask)
        assert all(array.shape == (length,) for array in arrays)
        filled = sequence.segments > 0
        assert (sequence.tokens[~filled] == PADDING).all()
        # What fills up stands at the end, and segments are counted from 1.
        assert (np.diff(sequence.segments[filled]) >= 0).all()
        assert filled.tolist() == sorted(filled.tolist(), reverse=True)
        count = int(sequence.segments.max())
        assert set(sequence.segments[filled].tolist()) == set(range(1, count + 1))
        for segment in range(1, count + 1):
            inside = sequence.segments == segment
            assert sequence.positions[inside].tolist() == list(range(int(inside.sum())))
            found.append(sequence.tokens[inside].tolist())
    assert sorted(found) == sorted(whole)


@given(MASKS, LENGTHS, st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_only_the_assistants_tokens_count(masks: list[list[bool]], length: int, seed: int) -> None:
    # A token is its own number, so its mask can be looked up.
    expected = {}
    for conversation in made(masks):
        for place, token in enumerate(conversation.tokens.tolist()):
            expected[token] = bool(conversation.assistant[place]) and place > 0
    for sequence in packed(made(masks), length, seed):
        for token, counts in zip(
            sequence.tokens.tolist(), sequence.loss_mask.tolist(), strict=True
        ):
            assert counts == expected.get(token, False)


@given(MASKS, LENGTHS, st.integers(0, 5), st.integers(0, 3), st.integers(0, 30))
@settings(deadline=None, max_examples=60)
def test_going_on_gives_what_would_have_come(
    masks: list[list[bool]], length: int, seed: int, epoch: int, start: int
) -> None:
    conversations = made(masks)
    through = packed(conversations, length, seed, epoch=epoch)[start:]
    resumed = packed(conversations, length, seed, epoch=epoch, start=start)
    assert len(through) == len(resumed)
    for one, other in zip(through, resumed, strict=True):
        for name in ("tokens", "segments", "positions", "loss_mask"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_epochs_have_equally_many_sequences_and_no_room_is_wasted(
    sizes: list[int], seed: int
) -> None:
    plans = [plan_packing(sizes, 20, seed=seed, epoch=epoch) for epoch in range(3)]
    assert len({len(plan) for plan in plans}) == 1
    filled = sorted(sum(sizes[place] for place in members) for members in plans[0].members)
    # Of two that are at most half full one would have taken the other in.
    assert sum(total <= 10 for total in filled) <= 1


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    sizes = [(7 * n) % 19 + 1 for n in range(200)]
    plan = plan_packing(sizes, 32, seed=3)
    assert plan == plan_packing(sizes, 32, seed=3)
    assert plan.members != plan_packing(sizes, 32, seed=4).members
    assert plan.members != plan_packing(sizes, 32, seed=3, epoch=1).members
    # Not the longest first: their order is drawn.
    longest = [max(sizes[place] for place in members) for members in plan.members]
    assert longest != sorted(longest, reverse=True)
    used = sum(sizes) / (32 * len(plan))
    assert used > 0.95


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PackingError, match=r"conversation 1 has 9 tokens.*longer than 8"):
        plan_packing([3, 9, 8], 8, seed=0)
    with pytest.raises(PackingError, match="conversation 0 has 0 tokens"):
        plan_packing([0], 8, seed=0)
    assert len(plan_packing([], 8, seed=0)) == 0
