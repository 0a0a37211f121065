"""Training on a Redis stream: every message counts once, also when consumers are killed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.training.checkpoint import latest_step, read_checkpoint
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.execution import Execution
from amodels_assets.training.material import load_material
from amodels_assets.training.stream import MessageError, read_message, train_on_stream
from resources.event_stream import Consumer, EventStream, Message
from resources.redis_client import connected_redis
from tests.redis_server import RedisServer

from .trained import OPTIONS, TINY, content, end, silent, start, wait_until

SETTINGS = [*OPTIONS, "--set", "checkpoint_every=4", "--set", "evaluate_every=1000"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own."""
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def stream(server: RedisServer) -> Iterator[EventStream]:
    """Its stream of labels."""
    with connected_redis(server.url) as client:
        yield EventStream(client, "labels")


def has_saved(folder: Path, number: int) -> bool:
    """Whether so many steps are saved, or more: older ones are deleted meanwhile."""
    step = latest_step(folder).step
    return step is not None and step.number >= number


def labelled(dataset: Path, count: int, drawn: int = 8) -> list[dict[str, Any]]:
    """Messages with rows, and such that have so many rows drawn."""
    rows = open_dataset(dataset).tasks["train"].to_pylist()
    size = 8
    named = [
        {
            "rows": [
                {**row, "cutoff_date": row["cutoff_date"].isoformat()}
                for row in rows[n * size : (n + 1) * size]
            ]
        }
        for n in range(count // 2)
    ]
    return [*named, *({"seed": n, "size": drawn} for n in range(count - len(named)))]


def consume(
    dataset: Path, out: Path, server: RedisServer, *more: str, consumer: str = "one"
) -> Any:
    return start(
        "stream", str(dataset), str(out), "--stream", "labels", "--consumer", consumer,
        "--json", *SETTINGS, *more,
        AMODELS_REDIS_URL=server.url,
    )  # fmt: skip


def test_messages_are_learned_from_and_acknowledged(
    bank_dataset: Path, stream: EventStream, server: RedisServer, tmp_path: Path
) -> None:
    stream.append(labelled(bank_dataset, 6))
    found = json.loads(end(consume(bank_dataset, tmp_path / "out", server, "--once")))
    assert (found["finished"], found["steps"]) == (True, 6)
    assert stream.pending("trainers") == 0
    assert read_checkpoint(tmp_path / "out").config["mode"] == "stream"
    # More of them, later: training goes on from there.
    stream.append(labelled(bank_dataset, 3))
    found = json.loads(end(consume(bank_dataset, tmp_path / "out", server, "--once")))
    assert (found["resumed_from"], found["steps"]) == (6, 9)


def test_a_killed_consumer_loses_no_message_and_counts_none_twice(
    bank_dataset: Path, stream: EventStream, server: RedisServer, tmp_path: Path
) -> None:
    """Killed wherever it was, and started again, it ends with the bits of one that was not."""
    messages = labelled(bank_dataset, 22, drawn=64)
    stream.append(messages)
    killed, unacknowledged = tmp_path / "killed", 0
    for saved in (4, 8, 16):
        process = consume(bank_dataset, killed, server)
        wait_until(process, lambda saved=saved: has_saved(killed, saved))
        process.kill()
        process.communicate()
        unacknowledged += stream.pending("trainers")
    assert unacknowledged > 0, "what no checkpoint covers is not acknowledged"
    end(consume(bank_dataset, killed, server, "--once"))
    assert stream.pending("trainers") == 0
    with connected_redis(server.url) as client:
        client.delete("labels")
        EventStream(client, "labels").append(messages)
    undisturbed = tmp_path / "undisturbed"
    end(consume(bank_dataset, undisturbed, server, "--once", consumer="other"))
    assert content(killed) == content(undisturbed)
    for part in ("model.safetensors", "state.safetensors"):
        last = [folder / "steps" / "00000022" / part for folder in (killed, undisturbed)]
        assert last[0].read_bytes() == last[1].read_bytes()


def test_what_a_dead_consumer_held_is_claimed(
    bank_dataset: Path, stream: EventStream, server: RedisServer, tmp_path: Path
) -> None:
    # Large ones: it is killed while it learns.
    stream.append([{"seed": n, "size": 400} for n in range(3)])
    process = consume(bank_dataset, tmp_path / "dead", server)
    wait_until(process, lambda: stream.pending("trainers") > 0)
    process.kill()
    process.communicate()
    heir = tmp_path / "heir"
    found = json.loads(
        end(consume(bank_dataset, heir, server, "--once", "--stalled-after", "0.5", consumer="two"))
    )
    assert found["steps"] == 3
    assert stream.pending("trainers") == 0


def test_sigterm_saves_and_acknowledges(
    bank_dataset: Path, stream: EventStream, server: RedisServer, tmp_path: Path
) -> None:
    stream.append(labelled(bank_dataset, 2))
    process = consume(bank_dataset, tmp_path / "out", server)
    # Nothing more comes, so it saves what it has and waits.
    wait_until(process, lambda: has_saved(tmp_path / "out", 2))
    process.terminate()
    found = json.loads(end(process))
    assert (found["finished"], found["steps"]) == (False, 2)
    assert stream.pending("trainers") == 0


class Listed:
    """A source in memory that notes what it is told."""

    def __init__(self, events: Sequence[dict[str, Any]]) -> None:
        self.messages = [Message(str(n), event) for n, event in enumerate(events)]
        self.acknowledged: list[str] = []
        self.refused: dict[str, str] = {}

    def take(self) -> Message | None:
        return self.messages.pop(0) if self.messages else None

    def acknowledge(self, ids: Sequence[str]) -> None:
        self.acknowledged += ids

    def refuse(self, message: Message, reason: str) -> None:
        self.refused[message.id] = reason


def test_a_checkpoint_names_what_is_acknowledged_next(bank_dataset: Path, tmp_path: Path) -> None:
    """Whoever dies between saving and acknowledging acknowledges when it is back."""

    class Deaf(Listed):
        def acknowledge(self, ids: Sequence[str]) -> None:
            if ids:
                raise KeyboardInterrupt

    config = TINY.changed({"checkpoint_every": 2, "evaluate_every": 1000, "steps": 1000})
    events = [{"seed": n} for n in range(5)]
    with pytest.raises(KeyboardInterrupt):
        train_on_stream(
            bank_dataset, tmp_path, config, Deaf(events), silent, execution=Execution("cpu")
        )
    step = latest_step(tmp_path).step
    assert step is not None
    assert step.config["state"]["work"] == {"learned": ["0", "1"]}
    source = Listed(events[2:])
    result = train_on_stream(
        bank_dataset, tmp_path, config, source, silent, execution=Execution("cpu"), once=True
    )
    assert source.acknowledged[:2] == ["0", "1"]
    assert result.steps == 5


BAD = {
    "needs rows": {"labels": []},
    "whole numbers": {"seed": "x"},
    "between 1 and": {"seed": 1, "size": 10**9},
    "each row needs": {"rows": [{"facility_id": "F0"}]},
    "has no row": {"rows": [{"facility_id": "none", "cutoff_date": "2023-01-01", "label": 1}]},
    "no ISO date": {"rows": [{"facility_id": "F0", "cutoff_date": "soon", "label": 1}]},
    "has a zone": {
        "rows": [{"facility_id": "F0", "cutoff_date": "2023-01-01T00:00:00+01:00", "label": 1}]
    },
    "does not fit": {"rows": [{"facility_id": "F0", "cutoff_date": "2023-01-01", "label": "yes"}]},
}


@pytest.mark.parametrize("reason", BAD)
def test_a_message_that_cannot_be_used_is_put_aside_with_its_reason(
    reason: str, bank_dataset: Path, tmp_path: Path
) -> None:
    source = Listed([BAD[reason], {"seed": 1}])
    result = train_on_stream(
        bank_dataset, tmp_path, TINY, source, silent, execution=Execution("cpu"), once=True
    )
    assert result.steps == 1
    assert list(source.refused) == ["0"]
    assert reason in source.refused["0"]


@pytest.mark.parametrize(("cutoff", "label", "reason"), [
    ("2023-01-01", 2, "0 or 1"), ("2100-01-01", 1, "start of validation"),
])  # fmt: skip
def test_labels_and_moments_that_cannot_be(
    cutoff: str, label: int, reason: str, bank_dataset: Path
) -> None:
    config = TrainingConfig()
    material = load_material(bank_dataset, config)
    known = material.dataset.tasks["train"]["facility_id"][0].as_py()
    event = {"rows": [{"facility_id": known, "cutoff_date": cutoff, "label": label}]}
    with pytest.raises(MessageError, match=reason):
        read_message(material, material.feed("train", config), config, event)


def test_rows_of_a_message_are_those_of_the_split(bank_dataset: Path) -> None:
    config = TrainingConfig()
    material = load_material(bank_dataset, config)
    train = material.feed("train", config)
    (event, *_) = labelled(bank_dataset, 2)
    feed, rows = read_message(material, train, config, event)
    assert (feed.entities[rows] == train.entities[:8]).all()
    assert (feed.cutoffs[rows] == train.cutoffs[:8]).all()
    assert (feed.labels[rows] == train.labels[:8]).all()
    drawn, chosen = read_message(material, train, config, {"seed": 5, "size": 4})
    assert drawn is train
    assert len(np.unique(chosen)) == 4


def test_what_is_put_aside_is_kept_with_its_reason(
    stream: EventStream, server: RedisServer
) -> None:
    stream.append([{"seed": -1}])
    consumer = Consumer(stream, "g", "c", wait_seconds=0.01)
    message = consumer.take()
    assert message is not None
    assert consumer.take() is None, "it is held, not given again"
    consumer.refuse(message, "no such seed")
    assert stream.pending("g") == 0
    with connected_redis(server.url) as client:
        (aside,) = EventStream(client, "labels:refused").newest(9)
    assert aside.event == {"seed": -1, "refused": "no such seed", "id": message.id}
