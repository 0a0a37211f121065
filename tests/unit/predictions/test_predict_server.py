"""The server of predictions: what evaluation says, releases that change, bounds, refusals."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.release.evidence import DATASET, RELEASE
from amodels_assets.serving import predict_server
from amodels_assets.serving.predict_server import BODY_BYTES, PredictServer
from amodels_assets.serving.released import ReleasedError, look, open_released
from amodels_assets.training.predict import predict_split
from tests.unit.predictions.small_release import check_dataset, publish_dataset, publish_release
from tests.unit.serving.running import PATIENCE, Answer, ServerThread, wait_until

PATH = "/predict/facility_downgrade"


class Server(ServerThread):
    """The server in a thread."""

    def __init__(self, store: ArtifactStore, rows: int = 64, waiting: int = 32) -> None:
        self.served = PredictServer(
            "facility_downgrade", open_released(store, device="cpu"),
            look=lambda: look(store), open_again=lambda: open_released(store, device="cpu"),
            most_rows=rows, most_waiting=waiting,
        )  # fmt: skip
        super().__init__(uvicorn.Config(self.served.application, log_config=None, lifespan="on"))

    def ask(self, rows: Any, *, path: str = PATH) -> Answer:
        return self.send("POST", path, json.dumps({"rows": rows}).encode())

    def send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body)
            return Answer(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often whether something was released."""
    monkeypatch.setattr(predict_server, "LOOK_SECONDS", 0.05)


@contextmanager
def serving(store: ArtifactStore, **bounds: int) -> Iterator[Server]:
    with Server(store, **bounds) as server:
        yield server


def keys(folder: Path, count: int) -> list[dict[str, str]]:
    rows = open_dataset(folder).tasks["test"].slice(0, count)
    columns = rows.select(["facility_id", "cutoff_date"]).to_pylist()
    return [{**row, "cutoff_date": row["cutoff_date"].isoformat()} for row in columns]


def test_it_says_what_evaluation_says(
    store: ArtifactStore, checkpoints: list[Path], bank_dataset: Path
) -> None:
    scores = predict_split(checkpoints[0], bank_dataset, "test")["score"].to_pylist()[:64]
    rows = keys(bank_dataset, 64)
    with serving(store) as server:
        whole = server.ask(rows)
        one = server.ask(rows[5:6])
        told = server.send("GET", PATH).json
    assert (whole.status, whole.headers["x-amodels-release"]) == (200, "r-1")
    assert whole.json["predictions"] == [
        {**row, "probability": score} for row, score in zip(rows, scores, strict=True)
    ]
    # Sums of another batch are taken in another order.
    np.testing.assert_allclose(one.json["predictions"][0]["probability"], scores[5], atol=1e-6)
    assert whole.json["data_version"] == store.get(DATASET).data_version
    assert told["row"] == {"facility_id": "string", "cutoff_date": "date"}
    assert told["release"] == "r-1"
    assert told["facts_until"] == whole.json["facts_until"] > "2024"


def test_refusals_name_what_is_meant(store: ArtifactStore, bank_dataset: Path) -> None:
    good = keys(bank_dataset, 1)[0]
    with serving(store, rows=4) as server:
        unknown = server.ask([good, {**good, "facility_id": "nobody's"}])
        early = server.ask([good, {**good, "cutoff_date": "1990-01-01"}])
        many = server.ask([good] * 5)
        long = server.send("POST", PATH, b" " * (BODY_BYTES + 1))
        nowhere = server.ask([good], path="/predict/other")
        method = server.send("DELETE", PATH)
    assert (unknown.status, unknown.code) == (404, "unknown_key")
    assert '"nobody\'s"' in unknown.json["error"]["message"]
    assert unknown.json["error"]["param"] == "rows[1].facility_id"
    assert (early.status, early.code) == (422, "not_known_at_cutoff")
    assert f"{good['facility_id']!r} at 1990-01-01, known from 2" in early.json["error"]["message"]
    assert early.json["error"]["param"] == "rows[1].cutoff_date"
    assert (many.status, many.code) == (413, "too_many_rows")
    assert (long.status, long.code) == (413, "too_long")
    assert (nowhere.status, nowhere.code) == (404, "unknown_path")
    assert (method.status, method.code) == (405, "method_not_allowed")


def under_load(
    server: Server, rows: list[dict[str, str]], until: Callable[[], bool]
) -> list[Answer]:
    """Answers to clients that ask again and again until something happened, and once more."""
    answers: list[Answer] = []

    def ask() -> None:
        last = False
        while not last:
            last = until()
            answers.append(server.ask(rows))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(PATIENCE)
    assert not any(client.is_alive() for client in clients)
    return answers


@pytest.mark.usefixtures("quick")
def test_a_new_release_is_taken_up_and_no_request_is_lost(
    store: ArtifactStore, checkpoints: list[Path], bank_dataset: Path
) -> None:
    rows = keys(bank_dataset, 4)
    with serving(store) as server:
        before = server.ask(rows).json
        publish_release(store, checkpoints[1], "r-2")
        answers = under_load(server, rows, lambda: server.served.released.name == "r-2")
        after = server.ask(rows).json
    assert {answer.status for answer in answers} == {200}
    assert (before["release"], after["release"]) == ("r-1", "r-2")
    assert before["predictions"] != after["predictions"]
    # Each answer is of one release, and says which.
    for answer in answers:
        same = before if answer.json["release"] == "r-1" else after
        assert answer.json["predictions"] == same["predictions"]


@pytest.mark.usefixtures("quick")
def test_a_damaged_release_is_not_taken_up_until_it_is_whole(
    store: ArtifactStore, checkpoints: list[Path], bank_dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(predict_server, "RETRY_SECONDS", 0.1)
    rows = keys(bank_dataset, 1)
    pointer = store.get(RELEASE).path.parents[1] / "current"
    old = pointer.read_bytes()
    released = publish_release(store, checkpoints[1], "r-2")
    new = pointer.read_bytes()
    manifest = json.loads(released.verified_file("release.json").read_text())
    model = store.root / manifest["checkpoint"]["path"] / "model.safetensors"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    pointer.write_bytes(old)
    with serving(store) as server:
        pointer.write_bytes(new)
        wait_until(lambda: bool(server.served.problem))
        answer, health = server.ask(rows), server.send("GET", "/health")
        assert (answer.status, answer.json["release"], health.status) == (200, "r-1", 200)
        assert "model.safetensors is not what was released" in health.json["problem"]
        with pytest.raises(ReleasedError, match="is not what was released"):
            open_released(store)
        model.write_bytes(whole)
        wait_until(lambda: server.served.released.name == "r-2")
        assert server.served.problem == ""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("damage", ["{", "{}", "\udc80"])
def test_a_store_that_is_damaged_and_mended_stops_nothing(
    store: ArtifactStore, checkpoints: list[Path], bank_dataset: Path, damage: str
) -> None:
    rows = keys(bank_dataset, 1)
    manifest = store.get(RELEASE).path / "manifest.json"
    whole = manifest.read_bytes()
    with serving(store) as server:
        manifest.write_bytes(damage.encode(errors="surrogateescape"))
        wait_until(lambda: "cannot be read" in server.served.problem)
        assert server.ask(rows).json["release"] == "r-1"
        manifest.write_bytes(whole)
        wait_until(lambda: server.served.problem == "")
        publish_release(store, checkpoints[1], "r-2")
        wait_until(lambda: server.served.released.name == "r-2")


@pytest.mark.usefixtures("quick")
def test_newer_facts_are_used_once_their_checks_passed(
    store: ArtifactStore, bank_dataset: Path, tmp_path: Path
) -> None:
    pinned = store.get(DATASET)
    newer = publish_dataset(store, _touched(bank_dataset, tmp_path / "newer"), checked=False)
    assert newer.data_version != pinned.data_version
    assert open_released(store).facts == pinned.data_version
    check_dataset(store, newer, passed=False)
    assert open_released(store).facts == pinned.data_version
    with serving(store) as server:
        check_dataset(store, newer)
        wait_until(lambda: server.served.released.facts == newer.data_version)
        third = publish_dataset(store, _touched(bank_dataset, tmp_path / "third"), checked=False)
        # Not checked yet: it goes on with those that are.
        assert not look(store).replaces(server.served.released.seen)
        check_dataset(store, third)
        assert look(store).replaces(server.served.released.seen)


def _touched(folder: Path, target: Path) -> Path:
    import shutil

    shutil.copytree(folder, target)
    raw = json.loads((target / "dataset.json").read_text())
    (target / "dataset.json").write_text(json.dumps({**raw, "note": target.name}))
    return target


def test_what_is_released_has_to_be_there(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(ReleasedError, match="nothing is released yet: say `amodels run`"):
        open_released(ArtifactStore(tmp_path / "empty"))
    table = store.get(DATASET).path / "db" / "facility.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(ReleasedError, match="is damaged"):
        open_released(store)


class Held:
    """A prediction that ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = 0

    def __call__(self, *_: object) -> list[dict[str, float]]:
        self.begun.release()
        assert self.go_on.acquire(timeout=PATIENCE)
        self.ended += 1
        return []


def test_the_queue_is_bounded_and_forgets_who_left(
    store: ArtifactStore, bank_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, rows = Held(), keys(bank_dataset, 1)
    monkeypatch.setattr(predict_server, "predict_rows", held)
    with serving(store, waiting=1) as server:
        answers: list[Answer] = []
        first = threading.Thread(target=lambda: answers.append(server.ask(rows)))
        first.start()
        assert held.begun.acquire(timeout=PATIENCE)
        leaver = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        leaver.request("POST", PATH, json.dumps({"rows": rows}).encode())
        wait_until(lambda: server.served._under_way == 2)
        refused = server.ask(rows)
        assert (refused.status, refused.code) == (503, "too_many_requests")
        assert refused.headers["retry-after"] == "1"
        leaver.close()
        wait_until(lambda: server.served._under_way == 1)
        held.go_on.release()
        first.join(PATIENCE)
        assert [answer.status for answer in answers] == [200]
        # The one that left before its turn was never computed.
        held.go_on.release()
        assert server.ask(rows).status == 200
        assert held.ended == 2


def test_a_failure_is_said_and_the_next_request_goes_on(
    store: ArtifactStore, bank_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = keys(bank_dataset, 1)
    with serving(store) as server:
        with monkeypatch.context() as patched:
            patched.setattr(predict_server, "predict_rows", lambda *_: 1 / 0)
            failed = server.ask(rows)
        assert (failed.status, failed.code) == (500, "failed")
        assert "ZeroDivisionError" in failed.json["error"]["message"]
        assert server.ask(rows).status == 200


def test_a_body_that_does_not_come_is_not_waited_for(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_server, "BODY_SECONDS", 0.05)
    with serving(store) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.putrequest("POST", PATH)
        connection.putheader("content-length", "10")
        connection.endheaders(b"{")
        answer = Answer(connection.getresponse())
        connection.close()
    assert (answer.status, answer.code) == (408, "timeout")
