"""A language model fine-tuned privately on questions: units, the statement, refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from amodels_assets.cli import cli
from amodels_assets.models.store import BaseModel
from amodels_assets.privacy.language import tune_privately, units_of
from amodels_assets.privacy.randomness import KEY_FILE
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import PrivacyError, PrivacyStatement
from amodels_assets.questions.packing import TokenizedConversation
from amodels_assets.training.execution import Execution
from amodels_assets.training.language.config import LanguageConfig
from amodels_assets.training.language.material import LanguageMaterial
from amodels_assets.training.work import TrainingError
from tests.unit.training.language.conftest import (  # noqa: F401 (fixtures)
    base,
    home,
    questions_folder,
)
from tests.unit.training.trained import content, silent

CONFIG = LanguageConfig.for_steps(3).changed({"batch_size": 4, "threads": 1, "length": 128})
KEPT = PrivacySettings(epsilon=8, delta=1e-5, noise="seeded", accountant="rdp")
TABLES = replace(KEPT, unit="source_table", contributions=2)


def material(relations: Sequence[tuple[str, ...]]) -> LanguageMaterial:
    one = TokenizedConversation(np.arange(4), np.arange(4) > 1)
    return LanguageMaterial([one] * len(relations), [], [], 0, [one], 0, "1", relations)


def test_a_tables_questions_are_one_unit_and_those_of_several_tables_are_left_out() -> None:
    told = [("a",), ("b",), ("a",), ("a", "b"), ("a",), ("c",), ("a",)]
    assert units_of(material(told), KEPT, 0) == [(place,) for place in range(7)]
    found = units_of(material(told), TABLES, 0)
    assert [len(unit) for unit in found] == [2, 1, 1]
    assert set(found[0]) < {0, 2, 4, 6}
    assert found[1:] == [(1,), (5,)]
    assert units_of(material(told), TABLES, 0) == found
    assert {units_of(material(told), TABLES, seed)[0] for seed in range(20)} > {found[0]}
    # Whatever stands in one table's questions, units of the others are the same.
    without = units_of(material([t for t in told if "a" not in t]), TABLES, 0)
    assert [len(unit) for unit in without] == [1, 1]
    with pytest.raises(PrivacyError, match="one table alone"):
        units_of(material([("a", "b")]), TABLES, 0)


@pytest.mark.parametrize("settings", [KEPT, TABLES], ids=lambda s: s.unit)
def test_a_checkpoint_carries_its_statement(
    questions_folder: Path,  # noqa: F811
    base: BaseModel,  # noqa: F811
    tmp_path: Path,
    settings: PrivacySettings,
) -> None:
    cpu = Execution(device="cpu")
    config = CONFIG if settings is KEPT else CONFIG.changed({"batch_size": 1})
    for name in ("one", "again"):
        tune_privately(
            questions_folder,
            tmp_path / name,
            config,
            base,
            silent,
            privacy=settings,
            execution=cpu,
        )
    manifest = json.loads((tmp_path / "one" / "config.json").read_text())
    stated = PrivacyStatement.from_json(manifest["privacy"])
    assert stated.unit == settings.unit
    assert stated.contributions == (1 if settings is KEPT else 2)
    assert stated.units == (manifest["questions"] if settings is KEPT else stated.units)
    assert stated.source == "datasets/catalog_questions"
    assert stated.data_version == manifest["data_versions"][stated.source]
    assert 7 < stated.epsilon <= 8
    assert manifest["libraries"]["opacus"]
    assert content(tmp_path / "one") == content(tmp_path / "again")


def test_the_command_keeps_what_it_is_asked_and_leaves_no_key(
    questions_folder: Path,  # noqa: F811
    home: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AMODELS_HOME", str(home))
    monkeypatch.setenv("AMODELS_DEVICE", "cpu")
    options = ["train", "language", str(questions_folder), str(tmp_path / "out"), "--base", "tiny"]
    options += ["--steps", "2", "--epsilon", "4", "--set", "batch_size=3", "--set", "length=128"]
    done = CliRunner().invoke(cli, [*options, "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "out" / "config.json").read_text())
    assert 3.9 < manifest["privacy"]["epsilon"] <= 4
    assert manifest["privacy"]["noise"] == "secret"
    assert KEY_FILE not in content(tmp_path / "out")
    refused = CliRunner().invoke(cli, [*options, "--set", "batch_size=100000", "--quiet"])
    assert refused.exit_code == 1
    assert "batch_size is 100000" in refused.output


def test_a_target_that_cannot_be_kept_is_one_sentence(
    questions_folder: Path,  # noqa: F811
    base: BaseModel,  # noqa: F811
    tmp_path: Path,
) -> None:
    with pytest.raises(TrainingError, match="take fewer steps"):
        tune_privately(
            questions_folder,
            tmp_path,
            CONFIG,
            base,
            silent,
            privacy=replace(KEPT, epsilon=0.001),
            execution=Execution(device="cpu"),
        )
