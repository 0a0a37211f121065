"""The page on language models, run from top to bottom with a tiny model instead of SmolLM2.

In this one process: most of the time goes into loading torch and transformers.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.cli import cli
from amodels_assets.models.store import ModelStore
from amodels_assets.questions.names import READ
from tests.unit.models import made, tiny
from tests.unit.questions.made import warehouse

from .processes import ROOT, environment

PAGE = ROOT / "docs" / "language-models.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACES = ("CATALOG", "QUESTIONS", "TUNED", "MINE", "MODEL", "SERVED")


def test_the_page_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    for name, value in environment(home, AMODELS_TRAINING_STEPS="8", AMODELS_DEVICE="cpu").items():
        monkeypatch.setenv(name, value)
    folder = tiny.save_folder(tmp_path / "MODEL", tiny.llama(), tiny.byte_level_tokenizer())
    made.put(ModelStore.at(home), "smollm2", folder)
    (tmp_path / "CATALOG").mkdir()
    for name, table in warehouse().items():
        if name in READ:
            pq.write_table(table, tmp_path / "CATALOG" / f"{name}.parquet")
    places = {name: str(tmp_path / name) for name in PLACES}
    commands, said = 0, []
    for language, block in BLOCK.findall(PAGE.read_text()):
        assert not language
        if not block.startswith(".venv/bin/amodels"):
            monkeypatch.chdir(tmp_path)
            exec(block, {})
            said.append(capsys.readouterr().out)
            continue
        for line in block.splitlines():
            words = [places.get(word, word) for word in shlex.split(line)[1:]]
            if "run" in words:
                publish(home, tmp_path / "QUESTIONS")
            monkeypatch.chdir(ROOT)
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, f"{line}\n{done.output}"
            commands += 1
    assert (commands, len(said)) == (6, 1)
    assert said[0].startswith("smollm2-lora ")
    assert ArtifactStore(home / "artifacts").find("training/language_model") is not None


def publish(home: Path, questions: Path) -> None:
    """What the assets before would have made."""
    ArtifactStore(home / "artifacts").publish(
        "datasets/catalog_questions",
        inputs={"from": "a test"},
        code_version="1",
        produce=lambda folder: shutil.copytree(questions, folder, dirs_exist_ok=True),
    )
