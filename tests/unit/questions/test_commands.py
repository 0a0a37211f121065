"""``amodels questions``: what it writes and prints, and its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from amodels_assets.artifacts import write_table
from amodels_assets.cli import cli
from amodels_assets.questions.facts import QuestionsError

from .test_overlap import PUBLIC, write


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["questions", *map(str, words)])


@pytest.fixture(scope="module")
def catalog(small_catalog: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    for name, table in small_catalog.items():
        write_table(folder, name, table)
    return folder


def test_build_writes_what_the_asset_does_and_replaces_it(
    catalog: Path, small_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "questions"
    done = run("build", catalog, out)
    assert done.exit_code == 0, done.output
    assert {p.name for p in out.iterdir()} == {p.name for p in small_folder.iterdir()}
    for path in out.iterdir():
        assert path.read_bytes() == (small_folder / path.name).read_bytes()
    assert "words  " in done.output
    assert "none of " in done.output
    assert "not compared: boolq" in done.output
    figures = json.loads(run("build", catalog, out, "--seed", 2, "--json").stdout)
    assert figures["seed"] == 2
    assert figures["overlapping"] == {"catalog_validation": 0, "catalog_test": 0}
    assert json.loads((out / "summary.json").read_text())["seed"] == 2
    assert [path.name for path in out.parent.iterdir()] == ["questions"]


def test_build_says_which_public_set_overlaps(
    catalog: Path, small_folder: Path, tmp_path: Path
) -> None:
    rows = json.loads(run("show", small_folder, "--split", "train", "-n", 99, "--json").output)
    text = next(row for row in rows if row["book"] == "open")["messages"][-1]["content"]
    write(tmp_path, "boolq", {**PUBLIC["boolq"], "passage": f"It says: {text}"})
    done = run("build", catalog, tmp_path / "out", "--compare", tmp_path)
    assert done.exit_code == 1
    assert "1 of boolq" in done.output
    assert "training overlaps with an evaluation set" in done.output


def test_build_refuses_a_folder_of_something_else(catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    done = run("build", catalog, tmp_path)
    assert done.exit_code == 1
    assert "holds something other than questions: name another" in done.output
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_build_of_no_catalog(tmp_path: Path) -> None:
    done = run("build", tmp_path, tmp_path / "out")
    assert isinstance(done.exception, QuestionsError)
    assert "amodels catalog SOURCE" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_show_prints_questions_with_the_right_choice_marked(small_folder: Path) -> None:
    text = run("show", small_folder, "--kind", "upstream", "-n", 2).output
    assert text.count("[test]") == 2
    assert text.count("    > ") == 2
    rows = json.loads(run("show", small_folder, "--kind", "upstream", "-n", 2, "--json").output)
    for row in rows:
        assert row["kind"] == "upstream"
        assert f"> {row['answer']}" in text
        assert f"= {row['answer']}" in text


def test_show_of_all_kinds_shows_several(small_folder: Path) -> None:
    rows = json.loads(run("show", small_folder, "-n", 12, "--json").output)
    assert len(rows) == 12
    assert len({row["kind"] for row in rows}) >= 4


def test_show_without_a_folder_takes_what_the_run_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_folder: Path
) -> None:
    from amodels_assets.artifacts import ArtifactError, ArtifactStore

    monkeypatch.setenv("AMODELS_HOME", str(tmp_path))
    done = run("show")
    assert isinstance(done.exception, ArtifactError)
    store = ArtifactStore(tmp_path / "artifacts")

    def produce(folder: Path) -> None:
        for path in small_folder.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    store.publish("datasets/catalog_questions", inputs={}, code_version="1", produce=produce)
    assert run("show", "-n", 1).output == run("show", small_folder, "-n", 1).output
