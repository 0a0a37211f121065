"""A stream of events in Redis, read by groups of consumers, as a Dagster resource.

What a consumer took and did not acknowledge stays with it until another claims it: nothing that was
added is lost, and whoever handles an event has to stand seeing it twice.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.redis_client import connected_redis

if TYPE_CHECKING:
    from redis import Redis

_FIELD = "event"
# Adds events and moves the mark in one step, unless somebody else moved it before.
_ADD = """
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
for i = 4, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[i])
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class Message:
    """An event as a consumer gets it.

    Attributes:
        id: The stream's own, in the order in which events were added.
        event: What was added.
        deliveries: How often it was given to a consumer, this time included.
    """

    id: str
    event: dict[str, Any]
    deliveries: int = 1


class EventStream:
    """One stream.

    Example:
        ``stream.read("search", "worker-1")`` gives what no consumer of the group ``search`` has
        acknowledged: first what others of the group left lying, then what is new.
    """

    def __init__(self, client: Redis, name: str, most: int = 1_000_000) -> None:
        """Use a stream of a server.

        Args:
            client: Connected.
            name: The stream's key.
            most: About how many events are kept; the oldest go first.
        """
        self._client: Any = client
        self._name = name
        self._most = most

    def mark(self) -> str:
        """What :meth:`add` was told last, empty at first."""
        return self._client.get(f"{self._name}:mark") or ""

    def add(self, events: Sequence[Mapping[str, Any]], *, before: str, after: str) -> bool:
        """Add events and move the mark, both or neither.

        Args:
            events: JSON-serialisable.
            before: The mark that the events start from.
            after: The mark that they lead to.

        Returns:
            False where the mark was not ``before``: somebody else added the events.
        """
        texts = [json.dumps(event, sort_keys=True) for event in events]
        keys = (self._name, f"{self._name}:mark")
        done = self._client.eval(_ADD, 2, *keys, before, after, self._most, *texts)
        return bool(done)

    def create_group(self, group: str, *, from_now: bool = False) -> None:
        """Make a group of consumers where there is none; it starts at the oldest event kept."""
        from redis.exceptions import ResponseError

        try:
            start = "$" if from_now else "0"
            self._client.xgroup_create(self._name, group, id=start, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def read(
        self,
        group: str,
        consumer: str,
        *,
        most: int = 100,
        wait_seconds: float = 0,
        stalled_after_seconds: float = 60,
        after: str = "0",
    ) -> list[Message]:
        """The next events for a consumer, which has to acknowledge them.

        Args:
            group: Each event goes to one consumer of a group.
            consumer: Name of this one; after a restart it gets back what it did not acknowledge.
            most: At most so many events.
            wait_seconds: How long to wait for new ones where there are none.
            stalled_after_seconds: Events that another consumer has not acknowledged for so long
                are taken from it.
            after: Of the consumer's own events that it did not acknowledge only those behind this
                one come again.
        """
        self.create_group(group)
        idle = int(stalled_after_seconds * 1000)
        own = self._client.xreadgroup(group, consumer, {self._name: after}, count=most)
        found = _entries(own)
        if not found:
            claimed = self._client.xautoclaim(
                self._name, group, consumer, min_idle_time=idle, count=most
            )
            found = [entry for entry in claimed[1] if entry[1]]
        if not found:
            block = int(wait_seconds * 1000) or None
            new = self._client.xreadgroup(
                group, consumer, {self._name: ">"}, count=most, block=block
            )
            found = _entries(new)
        return [self._message(group, identifier, fields) for identifier, fields in found]

    def _message(self, group: str, identifier: str, fields: Mapping[str, str]) -> Message:
        pending = self._client.xpending_range(self._name, group, identifier, identifier, 1)
        deliveries = pending[0]["times_delivered"] if pending else 1
        return Message(identifier, json.loads(fields[_FIELD]), deliveries)

    def acknowledge(self, group: str, messages: Sequence[Message]) -> None:
        """Say that events were handled: no consumer of the group gets them again."""
        if messages:
            self._client.xack(self._name, group, *(message.id for message in messages))

    def append(self, events: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add events whatever was added before; their ids."""
        texts = [json.dumps(event, sort_keys=True) for event in events]
        return [
            self._client.xadd(self._name, {_FIELD: text}, maxlen=self._most, approximate=True)
            for text in texts
        ]

    def hold(self, group: str, consumer: str, ids: Sequence[str]) -> None:
        """Say that a consumer is still at work on events: they do not count as stalled."""
        if ids:
            self._client.xclaim(self._name, group, consumer, 0, list(ids), justid=True)

    def refuse(self, group: str, message: Message, reason: str) -> None:
        """Put an event that cannot be handled aside, in ``<name>:refused``, and acknowledge it."""
        aside = {**message.event, "refused": reason, "id": message.id}
        with self._client.pipeline(transaction=True) as both:
            both.xadd(
                f"{self._name}:refused",
                {_FIELD: json.dumps(aside, sort_keys=True)},
                maxlen=self._most,
                approximate=True,
            )
            both.xack(self._name, group, message.id)
            both.execute()

    def newest(self, most: int) -> list[Message]:
        """The newest events, newest first, whoever read them."""
        found = self._client.xrevrange(self._name, count=most)
        return [Message(i, json.loads(fields[_FIELD])) for i, fields in found]

    def pending(self, group: str) -> int:
        """How many events of a group were taken and not acknowledged."""
        self.create_group(group)
        return int(self._client.xpending(self._name, group)["pending"])


class Consumer:
    """A consumer that takes events one by one and acknowledges them later, many at once.

    What it took and did not acknowledge stays its own as long as it asks for more now and then;
    when it is started again under the same name, it gets those first, in their order.
    """

    def __init__(
        self,
        stream: EventStream,
        group: str,
        name: str,
        *,
        wait_seconds: float = 1,
        stalled_after_seconds: float = 60,
    ) -> None:
        """Take nothing yet.

        Args:
            stream: Where events come from.
            group: Each event goes to one consumer of a group.
            name: Of this one.
            wait_seconds: How long :meth:`take` waits for an event.
            stalled_after_seconds: Events that another consumer has held for so long without a sign
                are taken from it.
        """
        self._stream, self._group, self._name = stream, group, name
        self._wait, self._stalled = wait_seconds, stalled_after_seconds
        self._after = "0"
        self._held: dict[str, Message] = {}

    def take(self) -> Message | None:
        """The next event; None where none came in time."""
        self._stream.hold(self._group, self._name, list(self._held))
        found = self._stream.read(
            self._group,
            self._name,
            most=1,
            wait_seconds=self._wait,
            stalled_after_seconds=self._stalled,
            after=self._after,
        )
        for message in found:
            self._after = max(self._after, message.id, key=_place)
            if message.id not in self._held:
                self._held[message.id] = message
                return message
        return None

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Say that events were handled, also such as an earlier process took."""
        self._stream.acknowledge(
            self._group, [self._held.pop(i, None) or Message(i, {}) for i in ids]
        )

    def refuse(self, message: Message, reason: str) -> None:
        """Put an event aside that cannot be handled."""
        self._stream.refuse(self._group, message, reason)
        self._held.pop(message.id, None)


def _place(identifier: str) -> tuple[int, int]:
    """Where an id stands: milliseconds, then a number within them."""
    first, _, second = identifier.partition("-")
    return int(first), int(second or 0)


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """The entries of the one stream that was asked for, without those that were deleted."""
    streams = (
        answer.values() if isinstance(answer, Mapping) else [found[1] for found in answer or ()]
    )
    entries: list[tuple[str, dict[str, str]]] = []
    for found in streams:
        # Protocol version 3 of the server packs them once more.
        rows = (
            found[0]
            if found and isinstance(found[0], list) and isinstance(answer, Mapping)
            else found
        )
        entries += [(identifier, fields) for identifier, fields in rows if fields]
    return entries


class EventStreamResource(dg.ConfigurableResource):
    """Event streams of a server.

    Attributes:
        redis_url: ``redis://:password@host:port/number``.
    """

    redis_url: str

    def __repr__(self) -> str:
        """Name the class only: the URL may hold a password."""
        return "EventStreamResource(***)"

    __str__ = __repr__

    @contextmanager
    def stream(self, name: str) -> Generator[EventStream]:
        """One stream.

        Raises:
            RedisUnavailableError: The server cannot be used.
        """
        with connected_redis(self.redis_url) as client:
            yield EventStream(client, name)
