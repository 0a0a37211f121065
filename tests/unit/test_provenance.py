"""What a release stands on, and which one answered a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from amodels_assets.artifacts import Artifact, ArtifactError, ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.release.provenance import (
    LANGUAGE_RELEASE,
    RELEASE,
    Provenance,
    ProvenanceError,
    find_release,
    provenance_of,
)
from amodels_assets.serving.audit_log import AuditLine, AuditLogError, find_request, parsed

LOADED = {"a": "LOAD_A", "b": "LOAD_B", "c": "LOAD_C"}


def tables_of_catalog(note: str) -> dict[str, pa.Table]:
    """View ``v`` reads view ``w``, which reads tables ``b`` and ``c``; jobs load all tables."""
    lineage = [("v", "w"), ("w", "b"), ("w", "c"), ("other", "a"), ("w", "v")]
    return {
        "columns": pa.table({"column": ["x"], "note": ["same"]}),
        "tables": pa.table({"note": [note]}),
        "table_lineage": pa.Table.from_pylist(
            [{"target_database": "d", "target_table": target, "source_database": "d",
              "source_table": source} for target, source in lineage]
        ),
        "job_tables": pa.Table.from_pylist(
            [{"job": job, "database": "d", "table": table, "access": "writes",
              "evidence_file": "load.sh", "evidence_line": 3} for table, job in LOADED.items()]
            + [{"job": "READ", "database": "d", "table": "a", "access": "reads",
                "evidence_file": "read.sh", "evidence_line": 1}]
        ),
        "job_schedules": pa.table(
            {"job": ["LOAD_A"], "trigger": ["cron"], "cron": ["0 4 * * *"]}
        ),
    }  # fmt: skip


def _made_at(artifact: Artifact, at: str) -> None:
    path = artifact.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "created_at": at}))


class World:
    """A store in which a model of each kind is released."""

    def __init__(self, root: Path) -> None:
        self.store = ArtifactStore(root)
        # Of the same columns: what was made from them was made from the newer one.
        self.catalogs = [self.catalog("old"), self.catalog("new")]
        _made_at(self.catalogs[0], "2020-01-01T00:00:00+00:00")
        catalog = self.catalogs[-1]
        self.rows = self.publish(
            "sgmi/rows",
            {"sgmi/columns": catalog.file_version("columns.parquet"), "sgmi/source_rows": "4" * 64},
            {f"d.{name}": pa.table({"x": [name]}) for name in ("a", "v", "unread")},
        )
        read = {f"sgmi/rows/d.{t}": self.rows.file_version(f"d.{t}.parquet") for t in ("a", "v")}
        self.dataset = self.publish("datasets/facility_downgrade", read)
        self.questions = self.publish(
            "datasets/catalog_questions",
            {"sgmi/tables": catalog.file_version("tables.parquet"),
             "sgmi/job_tables": catalog.file_version("job_tables.parquet")},
            {"train": pa.table({"relations": [["d.v", "job J"], ["d.a", "d.v"]]})},
        )  # fmt: skip
        self.relational = self.publish(
            "training/relational_transformer",
            {"datasets/facility_downgrade": self.dataset.data_version},
        )
        self.language = self.publish(
            "training/language_model",
            {"datasets/catalog_questions": self.questions.data_version, "models/smollm2": "b" * 64},
        )
        self.release(RELEASE, "facility-1", self.relational, self.dataset)
        base = {"name": "smollm2", "version": "b" * 64}
        self.release(LANGUAGE_RELEASE, "language-1", self.language, self.questions, base=base)

    def catalog(self, note: str) -> Artifact:
        inputs = {"sgmi/hive_ddl": "1" * 64, "sgmi/catalog before": "9" * 64}
        return self.publish("sgmi/catalog", inputs, tables_of_catalog(note), note=note)

    def publish(
        self, name: str, inputs: Mapping[str, str], tables: Mapping[str, pa.Table] | None = None,
        **config: str,
    ) -> Artifact:  # fmt: skip
        def write(folder: Path) -> None:
            (folder / "about.txt").write_text(f"{name} {config}")
            for table, content in (tables or {}).items():
                write_table(folder, table, content)

        return self.store.publish(
            name, inputs=inputs, code_version="1", config=config, produce=write
        )

    def release(
        self, artifact: str, name: str, checkpoint: Artifact, dataset: Artifact, **more: Any
    ) -> Artifact:
        def reference(of: Artifact) -> dict[str, str]:
            return {"artifact": of.manifest.artifact, "data_version": of.data_version}

        kind = "relational_transformer" if artifact == RELEASE else "language_model"
        manifest = {"release": name, "kind": kind, "supersedes": None, **more,
                    "checkpoint": reference(checkpoint), "dataset": reference(dataset)}  # fmt: skip
        return self.store.publish(
            artifact, inputs={}, code_version="1", config={"name": name},
            produce=lambda folder: (folder / "release.json").write_text(json.dumps(manifest)),
        )  # fmt: skip

    def of(self, name: str) -> Provenance:
        return provenance_of(self.store, find_release(self.store, name))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "artifacts")


def loads(found: Provenance) -> dict[str, tuple[bool, list[str]]]:
    return {table.name: (table.read, [load.job for load in table.jobs]) for table in found.tables}


BEHIND = {"d.b": (False, ["LOAD_B"]), "d.c": (False, ["LOAD_C"]), "d.w": (False, [])}
READ = {"d.a": (True, ["LOAD_A"]), "d.v": (True, [])}


def test_a_relational_release_goes_back_to_the_jobs(world: World) -> None:
    found = world.of("facility-1")
    assert found.checkpoint.data_version == world.relational.data_version
    assert found.base is None
    assert [(v.name, v.data_version) for v in found.stages] == [
        ("datasets/facility_downgrade", world.dataset.data_version),
        ("sgmi/rows", world.rows.data_version),
        ("sgmi/catalog", world.catalogs[-1].data_version),
    ]
    assert {v.name for v in found.sources} == {"sgmi/source_rows", "sgmi/hive_ddl"}
    # Not what was exported and never read.
    assert loads(found) == {**READ, **BEHIND}
    (load,) = found.tables[0].jobs
    assert (load.trigger, load.cron, load.file, load.line) == ("cron", "0 4 * * *", "load.sh", 3)


def test_a_language_release_goes_back_to_what_it_was_taught(world: World) -> None:
    found = world.of("language-1")
    assert found.base is not None
    assert (found.base.name, found.base.data_version) == ("models/smollm2", "b" * 64)
    assert [v.name for v in found.stages] == ["datasets/catalog_questions", "sgmi/catalog"]
    assert loads(found) == {**READ, **BEHIND}


def test_it_is_the_versions_that_were_read_and_not_the_newest(world: World) -> None:
    before = world.of("language-1")
    assert before.stages[-1].data_version == world.catalogs[-1].data_version
    newer = world.catalog("newest")
    _made_at(newer, "2199-01-01T00:00:00+00:00")
    assert world.of("facility-1").stages[-1].data_version == world.catalogs[-1].data_version
    world.publish("datasets/catalog_questions", {}, {"train": pa.table({"relations": [["d.z"]]})})
    assert world.of("language-1") == before
    assert newer.data_version != before.stages[-1].data_version


def test_what_is_no_longer_kept_is_said_and_the_rest_is_found(world: World) -> None:
    world.publish("training/relational_transformer", {}, note="newer")
    world.store.delete_version(world.relational)
    found = world.of("facility-1")
    assert not found.checkpoint.kept
    assert [v.name for v in found.stages][-1] == "sgmi/catalog"
    assert loads(found) == {**READ, **BEHIND}
    world.publish("datasets/facility_downgrade", {}, note="newer")
    world.store.delete_version(world.dataset)
    (stage,) = world.of("facility-1").stages
    assert (stage.name, stage.kept) == ("datasets/facility_downgrade", False)


def test_an_unknown_release_names_close_ones(world: World) -> None:
    with pytest.raises(ProvenanceError, match="did you mean facility-1"):
        find_release(world.store, "facility-2")
    damaged = find_release(world.store, "language-1").path / "release.json"
    damaged.write_text("{")
    assert find_release(world.store, "facility-1")
    with pytest.raises(ProvenanceError, match="damaged: "):
        find_release(world.store, "language-1")


def test_a_damaged_catalog_is_said(world: World) -> None:
    path = world.catalogs[-1].path / "job_tables.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="damaged"):
        world.of("facility-1")


LINE: dict[str, Any] = {
    "at": "2026-11-25T18:00:00Z", "request": "r.1-a", "key": "0123456789ab", "name": "alice",
    "session": False, "client": "127.0.0.1", "method": "POST", "path": "/v1/chat/completions",
    "model": "released", "release": "language-1", "status": 200, "complete": True, "tokens": 12,
    "seconds": 0.25,
}  # fmt: skip


def write_log(home: Path, *lines: object, name: str = "2026-11-25.7.jsonl") -> None:
    folder = home / "gateway" / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    content = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    (folder / name).write_bytes(content)


def asked(home: Path, *arguments: str) -> Result:
    return CliRunner(env={"AMODELS_HOME": str(home)}).invoke(cli, ["trace", *arguments])


def test_the_command_prints_the_way(world: World, tmp_path: Path) -> None:
    printed = asked(tmp_path, "--release", "language-1").output
    assert "language-1 (language model), released 20" in printed
    assert "base model  models/smollm2  bbbbbbbbbbbb" in printed
    assert "2 tables and views, 3 more that they are made of" in printed
    assert "d.b  (behind a view)\n     loaded by LOAD_B ()  load.sh:3" in printed
    told = json.loads(asked(tmp_path, "--release", "facility-1", "--json").output)
    assert told["tables"][0]["jobs"][0]["job"] == "LOAD_A"
    assert told["checkpoint"]["name"] == "training/relational_transformer"


def test_a_request_leads_to_its_release(world: World, tmp_path: Path) -> None:
    write_log(tmp_path, {**LINE, "request": "other"}, LINE, {**LINE, "request": "r.1-ab"})
    again = {**LINE, "at": "2026-11-26T01:00:00Z", "release": "by-hand", "complete": False}
    write_log(tmp_path, again, b'{"request": "r.1-a", "at"', name="2026-11-26.9.jsonl")
    printed = asked(tmp_path, "--request", "r.1-a").output
    assert printed.count("key alice (0123456789ab)") == 2
    assert "status 200, 12 tokens, 0.250 s, answered by language-1" in printed
    assert "status 200, cut off" in printed
    assert "language-1 (language model)" in printed
    # A model server that was started by hand has no manifest.
    assert "there is no release 'by-hand'" in printed
    told = json.loads(asked(tmp_path, "--request", "r.1-a", "--json").output)
    assert [line["release"] for line in told["requests"]] == ["language-1", "by-hand"]
    assert [release["release"] for release in told["releases"]] == ["language-1"]
    assert len(told["unknown"]) == 1


def test_a_request_that_was_refused_has_no_release(world: World, tmp_path: Path) -> None:
    write_log(tmp_path, {**LINE, "release": "", "status": 404})
    printed = asked(tmp_path, "--request", "r.1-a").output
    assert "status 404" in printed
    assert "no release answered" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "give one of"),
        (("d.a", "--release", "x"), 2, "give one of"),
        (("--release", "x", "--down"), 2, "--up and --down: only for a column"),
        (("--request", "x", "--depth", "2", "--dot"), 2, "--depth, --dot: only for a column"),
        (("--release", "x"), 1, "there is no release 'x'"),
        (("--request", "x"), 1, "holds no audit log: is AMODELS_HOME the gateway's?"),
        (("--request", "x y"), 1, "is no request id"),
    ],
)
def test_what_cannot_be_traced_says_why(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    done = asked(tmp_path, *arguments)
    assert done.exit_code == code
    assert says in done.output


def test_an_unknown_request_says_which_days_there_are(tmp_path: Path) -> None:
    write_log(tmp_path, LINE)
    with pytest.raises(AuditLogError, match="from 2026-11-25 to 2026-11-25"):
        find_request(tmp_path / "gateway" / "audit", "nobody")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
DAMAGED = st.dictionaries(st.sampled_from(sorted(LINE)), JSON).map(lambda other: {**LINE, **other})


@given(DAMAGED | JSON)
def test_a_line_is_understood_or_left_out(content: object) -> None:
    found = parsed(json.dumps(content).encode())
    if found is not None:
        assert isinstance(content, dict)
        assert AuditLine.of_json(content) == found
        assert all(isinstance(getattr(found, name), str) for name in ("request", "release", "at"))


@given(st.binary(max_size=200))
def test_any_bytes_are_no_line(line: bytes) -> None:
    assert parsed(line) is None


@given(st.integers(1, 10_000))
def test_half_a_line_is_none(length: int) -> None:
    whole = json.dumps(LINE).encode()
    assert parsed(whole) is not None
    assert parsed(whole[: length % len(whole)]) is None
