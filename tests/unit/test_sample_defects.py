"""Every defect is planted, stands where the truth says, and leaves the warehouse findable."""

from __future__ import annotations

import codecs
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from amodels_assets.sample import write_sample

DDL_CODES = {
    "bare_setting",
    "beeline_noise",
    "byte_order_mark",
    "crlf",
    "database_mismatch",
    "duplicate_different",
    "duplicate_identical",
    "empty_file",
    "latin1_bytes",
    "missing_semicolon",
    "not_ddl",
    "orphan_literals",
    "truncated_statement",
    "unknown_column",
    "unknown_table",
    "utf16",
}
JOB_CODES = {
    "condition_cycle",
    "duplicate_job",
    "external_event",
    "folder_in_folder",
    "job_never_starts",
}


class Broken:
    """A sample with defects, and its truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def truth(self, name: str):
        return json.loads((self.folder / "ground_truth" / f"{name}.json").read_text())

    def defects(self, code: str) -> list[dict]:
        return [defect for defect in self.truth("defects") if defect["code"] == code]

    def content(self, defect: dict) -> bytes:
        return (self.folder / defect["file"]).read_bytes()

    def lines(self, defect: dict) -> list[str]:
        """The lines from the defect on."""
        return self.content(defect).decode().split("\n")[defect["line"] - 1 :]


@pytest.fixture(scope="module", params=[(7, 1.0), (3, 0.05), (11, 2.0)], ids=str)
def broken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Broken:
    seed, scale = request.param
    folder = tmp_path_factory.mktemp("broken") / "sample"
    write_sample(folder, seed=seed, scale=scale, defects=True)
    return Broken(folder)


def creates(defect: dict, line: str) -> bool:
    name = defect["object"].split(".")[1]
    return re.match(rf"CREATE (EXTERNAL )?(TABLE|VIEW) `{name}`", line) is not None


def missing_semicolon(broken: Broken, defect: dict) -> None:
    first, *rest = broken.lines(defect)
    assert creates(defect, first)
    following = next(n for n, line in enumerate(rest) if line.startswith("CREATE"))
    assert ";" not in "\n".join([first, *rest[:following]]).rstrip()[-1:]


def bare_setting(broken: Broken, defect: dict) -> None:
    first, second, *_ = broken.lines(defect)
    assert re.fullmatch(r"hive\.[\w.]+=false", first)
    assert second.startswith("CREATE")


def orphan_literals(broken: Broken, defect: dict) -> None:
    text = broken.content(defect).decode()
    assert broken.lines(defect)[0].strip().startswith("'")
    assert not re.search(r"SERDE|STORED|TBLPROPERTIES|DELIMITED", text)
    assert "PARTITIONED BY" in text
    table = next(
        t for t in broken.truth("tables") if f"{t['database']}.{t['table']}" == defect["object"]
    )
    assert table["storage"] is None
    assert table["properties"] == {}


def database_mismatch(broken: Broken, defect: dict) -> None:
    text = broken.content(defect).decode()
    created = re.search(r"create database if not exists (\w+)", text).group(1)
    assert broken.lines(defect)[0] == f"use {defect['object']};"
    assert created != defect["object"]
    inside = [t for t in broken.truth("tables") if t["source_file"] == defect["file"]]
    assert [t["database"] for t in inside] == [defect["object"]]


def duplicate(broken: Broken, defect: dict) -> None:
    text = broken.content(defect).decode()
    name = defect["object"].split(".")[1]
    first, second = re.findall(rf"^CREATE [A-Z ]*`{name}`.*?;$", text, re.MULTILINE | re.DOTALL)
    assert (first == second) == (defect["code"] == "duplicate_identical")
    assert creates(defect, broken.lines(defect)[0])
    columns = [column for column, _, _ in broken.truth("columns")[defect["object"]]]
    # The later one counts.
    assert re.findall(r"^  `(\w+)` ", second, re.MULTILINE) == columns
    told = [t for t in broken.truth("tables") if t["table"] == name]
    assert [t["line"] for t in told] == [defect["line"]]


def unknown_table(broken: Broken, defect: dict) -> None:
    assert creates(defect, broken.lines(defect)[0])
    edges = broken.truth("lineage")["column_lineage"][defect["object"]]
    assert not any(resolved for column in edges.values() for *_, resolved in column)
    sources = {f"{edge[0]}.{edge[1]}" for column in edges.values() for edge in column}
    assert len(sources) == 1
    assert not sources & set(broken.truth("columns"))


def unknown_column(broken: Broken, defect: dict) -> None:
    assert creates(defect, broken.lines(defect)[0])
    edges = broken.truth("lineage")["column_lineage"][defect["object"]]
    lost = {(*edge[:3],) for column in edges.values() for edge in column if not edge[4]}
    kept = [edge for column in edges.values() for edge in column if edge[4]]
    ((database, table, column),) = lost
    assert column not in [name for name, _, _ in broken.truth("columns")[f"{database}.{table}"]]
    assert len(kept) > 3


def beeline_noise(broken: Broken, defect: dict) -> None:
    text = broken.content(defect).decode()
    assert text.startswith("INFO  : ")
    assert "createtab_stmt" in text
    assert re.search(r"^\d+ rows selected", text, re.MULTILINE)
    assert re.search(r"^\+-+\+$", text, re.MULTILINE)
    pieces = [line[2:-2] for line in text.split("\n") if line.startswith("| ")]
    assert len({len(piece) for piece in pieces}) == 1
    for table in broken.truth("tables"):
        if table["source_file"] == defect["file"]:
            line = text.split("\n")[table["line"] - 1]
            assert re.match(rf"\| CREATE [A-Z ]*`{table['table'][:20]}", line)


def truncated_statement(broken: Broken, defect: dict) -> None:
    assert creates(defect, broken.lines(defect)[0])
    assert not broken.content(defect).rstrip().endswith((b")", b";"))
    assert defect["object"] not in broken.truth("columns")
    assert [t for t in broken.truth("tables") if t["source_file"] == defect["file"]]


def crlf(broken: Broken, defect: dict) -> None:
    content = broken.content(defect)
    assert content.count(b"\r\n") == content.count(b"\n") > 5


def byte_order_mark(broken: Broken, defect: dict) -> None:
    assert broken.content(defect).startswith(codecs.BOM_UTF8)


def utf16(broken: Broken, defect: dict) -> None:
    assert broken.content(defect).startswith(codecs.BOM_UTF16_LE)
    assert "CREATE" in broken.content(defect).decode("utf-16")


def latin1_bytes(broken: Broken, defect: dict) -> None:
    with pytest.raises(UnicodeDecodeError):
        broken.content(defect).decode()
    (table,) = [t for t in broken.truth("tables") if t["source_file"] == defect["file"]]
    assert f"COMMENT '{table['comment']}'" in broken.content(defect).decode("latin-1")


def empty_file(broken: Broken, defect: dict) -> None:
    assert broken.content(defect) == b""


def not_ddl(broken: Broken, defect: dict) -> None:
    assert b"CREATE" not in broken.content(defect).upper()


CHECKS: dict[str, Callable[[Broken, dict], None]] = {
    "duplicate_different": duplicate,
    "duplicate_identical": duplicate,
} | {
    check.__name__: check
    for check in (
        bare_setting, beeline_noise, byte_order_mark, crlf, database_mismatch, empty_file,
        latin1_bytes, missing_semicolon, not_ddl, orphan_literals, truncated_statement,
        unknown_column, unknown_table, utf16,
    )
}  # fmt: skip


def test_every_defect_is_planted_and_counted(broken: Broken) -> None:
    planted = {defect["code"] for defect in broken.truth("defects")}
    assert planted == DDL_CODES | JOB_CODES
    assert broken.truth("truth")["counts"]["defects"] == len(broken.truth("defects"))
    assert broken.truth("truth")["defects_planted"] is True


@pytest.mark.parametrize("code", sorted(DDL_CODES))
def test_a_defect_of_a_dump_stands_where_the_truth_says(broken: Broken, code: str) -> None:
    for defect in broken.defects(code):
        CHECKS[code](broken, defect)


def test_both_kinds_of_beeline_output_occur(broken: Broken) -> None:
    wrapped = [d for d in broken.defects("beeline_noise") if "wrapped" in d["file"]]
    ((text,),) = [[broken.content(d).decode()] for d in wrapped]
    assert re.search(r"^\| [^|]*\S \|$", text, re.MULTILINE)


@pytest.mark.parametrize("code", sorted(JOB_CODES))
def test_a_defect_of_an_export_stands_where_the_truth_says(broken: Broken, code: str) -> None:
    (defect,) = broken.defects(code)
    for file, line in [(defect["file"], defect["line"]), *defect["also"]]:
        text = (broken.folder / file).read_text().split("\n")[line - 1]
        assert f'"{defect["object"]}"' in text


def test_odd_jobs_are_what_their_codes_say(broken: Broken) -> None:
    jobs = {job["job"]: job for job in broken.truth("jobs")}

    def planted(code: str) -> str:
        return broken.defects(code)[0]["object"]

    edges = {(edge["from_job"], edge["to_job"]) for edge in broken.truth("job_edges")}
    assert any((b, a) in edges for a, b in edges if a == planted("condition_cycle"))
    assert jobs[planted("job_never_starts")]["trigger"] == "never"
    external = planted("external_event")
    assert jobs[external]["trigger"] == "external"
    assert external not in {to_job for _, to_job in edges}
    waits = [c for c in broken.truth("job_conditions") if c["role"] == "waits_for"]
    assert {c["job"] for c in waits if c["external"]} == {external}
    assert any(job["folder"].endswith(f"/{planted('folder_in_folder')}") for job in jobs.values())
    again = planted("duplicate_job")
    folders = [
        folder.get("FOLDER_NAME")
        for path in (broken.folder / "controlm").glob("*.xml")
        for folder in ElementTree.parse(path).getroot()
        for job in folder.iter("JOB")
        if job.get("JOBNAME") == again
    ]
    assert len(folders) == len(set(folders)) == 2
    assert jobs[again]["folder"] in folders


def test_exports_stay_well_formed(broken: Broken) -> None:
    for path in (broken.folder / "controlm").iterdir():
        if path.suffix == ".xml":
            assert ElementTree.parse(path).getroot().tag == "DEFTABLE"
        else:
            assert json.loads(path.read_text())


def test_nothing_of_the_warehouse_is_lost(broken: Broken, tmp_path: Path) -> None:
    told = broken.truth("truth")
    write_sample(tmp_path / "whole", seed=told["seed"], scale=told["scale"])
    whole = Broken(tmp_path / "whole")
    before, after = whole.truth("columns"), broken.truth("columns")
    assert set(before) <= set(after)
    assert len(after) == len(before) + 2
    # One table was given a partition, so that a cleaned dump has one.
    assert sum(before[name] != after[name] for name in before) <= 1
    assert {job["job"] for job in whole.truth("jobs")} <= {j["job"] for j in broken.truth("jobs")}
    for path in (whole.folder / "rows").rglob("*.csv"):
        assert (broken.folder / path.relative_to(whole.folder)).read_bytes() == path.read_bytes()


def test_without_the_switch_nothing_is_planted(tmp_path: Path) -> None:
    write_sample(tmp_path / "whole", seed=7, scale=0.05)
    whole = Broken(tmp_path / "whole")
    assert whole.truth("defects") == []
    assert not list((whole.folder / "hive-ddl").glob("defect_*"))
    assert not (whole.folder / "controlm/odd.xml").exists()
