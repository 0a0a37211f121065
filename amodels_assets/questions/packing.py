"""Conversations packed into sequences of one length, in an order that can be taken up anywhere.

Belongs here: which conversation goes where, and the arrays of a sequence. Does not belong here:
tokenizers, files and batches.

Conversations are never split: the longest go first, each into the sequence that it fills best
("best fit decreasing"), then the sequences are shuffled. The plan needs only the lengths, so that
any sequence of any epoch is made without those before it: a training that goes on at sequence n
reads what it would have read.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


class PackingError(ValueError):
    """Conversations cannot be packed; the message says which and what to do."""


@dataclass(frozen=True)
class TokenizedConversation:
    """A conversation as tokens.

    Attributes:
        tokens: int32, shape (n,).
        assistant: bool, shape (n,): the assistant's own.
    """

    tokens: np.ndarray
    assistant: np.ndarray


@dataclass(frozen=True)
class PackedSequence:
    """Conversations one after the other, filled up to a fixed length.

    Attributes:
        tokens: int32, shape (length,).
        segments: int32, shape (length,): 1 for the first conversation, 2 for the next, 0 for what
            fills up. Attention must not cross from one segment into another.
        positions: int32, shape (length,): from 0 within each segment.
        loss_mask: bool, shape (length,): tokens that count when they are predicted from those
            before them in their segment: the assistant's. The first of a segment has nothing
            before it and never counts.
    """

    tokens: np.ndarray
    segments: np.ndarray
    positions: np.ndarray
    loss_mask: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Which conversations share a sequence, in order.

    Attributes:
        length: Tokens of a sequence.
        members: Places of the conversations of each sequence.
    """

    length: int
    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)


def plan_packing(lengths: Sequence[int], length: int, *, seed: int, epoch: int = 0) -> Plan:
    """Share conversations out among sequences.

    Args:
        lengths: Tokens of each conversation.
        length: Tokens of a sequence.
        seed: Of the order.
        epoch: Another order and other neighbours; the number of sequences stays the same.

    Raises:
        PackingError: A conversation is empty or longer than a sequence.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    unfit = np.flatnonzero((sizes > length) | (sizes < 1))
    if len(unfit):
        first = int(unfit[0])
        raise PackingError(
            f"conversation {first} has {sizes[first]} tokens, as do not fit {len(unfit)} in all: "
            f"make sequences longer than {length} or leave them out"
        )
    draw = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = draw.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    free: list[tuple[int, int]] = []
    members: list[list[int]] = []
    for place in order.tolist():
        size = int(sizes[place])
        # The fullest sequence that still has room; of equals the first.
        found = bisect_left(free, (size, -1))
        if found == len(free):
            members.append([])
            room, sequence = length, len(members) - 1
        else:
            room, sequence = free.pop(found)
        members[sequence].append(place)
        if room > size:
            insort(free, (room - size, sequence))
    shuffled = draw.permutation(len(members)).tolist()
    inside = [draw.permutation(len(members[n])) for n in shuffled]
    return Plan(
        length,
        tuple(
            tuple(members[n][i] for i in places.tolist())
            for n, places in zip(shuffled, inside, strict=True)
        ),
    )


def packed_sequences(
    conversations: Sequence[TokenizedConversation],
    plan: Plan,
    *,
    start: int = 0,
    padding: int = 0,
) -> Iterator[PackedSequence]:
    """The sequences of a plan from one of them on.

    Args:
        conversations: Those that the plan was made for.
        plan: Of ``plan_packing``.
        start: Sequences that are done already.
        padding: Token that fills up.
    """
    for members in plan.members[start:]:
        yield _sequence([conversations[place] for place in members], plan.length, padding)


def _sequence(
    conversations: Sequence[TokenizedConversation], length: int, padding: int
) -> PackedSequence:
    tokens = np.full(length, padding, dtype=np.int32)
    segments = np.zeros(length, dtype=np.int32)
    positions = np.zeros(length, dtype=np.int32)
    mask = np.zeros(length, dtype=bool)
    end = 0
    for number, conversation in enumerate(conversations, 1):
        begin, end = end, end + len(conversation.tokens)
        tokens[begin:end] = conversation.tokens
        segments[begin:end] = number
        positions[begin:end] = np.arange(end - begin)
        mask[begin:end] = conversation.assistant
        mask[begin] = False
    return PackedSequence(tokens, segments, positions, mask)
