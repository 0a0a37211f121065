"""docs/serving.md on predictions, provenance and Dagster: what it shows is what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import yaml

from amodels_assets.cli import cli
from amodels_assets.commands.trace_release import as_text
from amodels_assets.definitions import build_definitions
from amodels_assets.release.provenance import Provenance, SourceTable, Version
from amodels_assets.serving.assets import LoadConfig
from amodels_assets.serving.checks import ObjectivesConfig
from amodels_assets.serving.row_keys import RowForm, read_rows
from amodels_assets.sgmi.trace import Load

PAGE = (Path(__file__).parents[3] / "docs" / "serving.md").read_text()


def test_its_commands_take_these_options() -> None:
    lines = re.findall(r"^(?:AMODELS_\S+ )?amodels (.+)$", PAGE, re.MULTILINE)
    seen = set()
    for line in lines:
        name, *arguments = shlex.split(line)
        seen.add(name)
        # They would go on, or need a release: whether the options are taken is seen without that.
        arguments = [__file__ if word == "load.yaml" else word for word in arguments]
        assert isinstance(cli.commands[name].make_context(name, arguments), click.Context)
    assert {"predict-server", "trace", "run"} <= seen


def test_the_row_of_its_request_is_one() -> None:
    (body,) = re.findall(r"--data '(\{.*\})'", PAGE)
    form = RowForm("facility_id", "string", "cutoff_date", whole_days=True)
    assert read_rows(body.encode(), form, 256).entities == ("F000001",)


def test_a_trace_looks_as_it_shows() -> None:
    (block,) = re.findall(r"```\n(\S+ \(relational transformer\), .*?)```", PAGE, re.DOTALL)
    stages = re.findall(r"made from   (\S+)  (\S+)  (\S+)", block)
    ((source, version),) = re.findall(r"source      (\S+)  (\S+)", block)
    load = Load(("sgmisit", "account_transaction"), "MRT_ACCOUNT_TRANSACTION_0023",
                "scripts/load_account_transaction_0023.sh", 7, "conditions", "")  # fmt: skip
    tables = [SourceTable("sgmisit.account_transaction", True, (load,))]
    tables += [SourceTable(f"sgmisit.z{n}", True, ()) for n in range(5)]
    found = Provenance(
        "facility-downgrade-c0c85d498d6d", "relational_transformer", "2026-11-25T17:51:11+00:00",
        "", Version("training/relational_transformer", "c0c85d498d6d", "2026-11-25T17:50:39+00:00"),
        None, tuple(Version(*stage) for stage in stages), (Version(source, version),),
        tuple(tables),
    )  # fmt: skip
    shown = block.splitlines()
    assert list(as_text(found))[: len(shown)] == shown


def test_its_settings_are_settings() -> None:
    load, objectives = (
        yaml.safe_load(text) for text in re.findall(r"`(\w+: \{(?:model|first)[^`]+)`", PAGE)
    )
    assert LoadConfig(**load["load_profile"]).concurrency == [1, 8]
    ((step, wanted),) = objectives.items()
    assert ObjectivesConfig(**wanted).first_token_p95 == 0.5
    definitions = build_definitions()
    assert step in {n.name for n in definitions.resolve_all_job_defs()[0].graph.nodes} or any(
        step in job.graph.node_dict for job in definitions.resolve_all_job_defs()
    )
    told = re.search(r"first token within (\d+) s and the whole answer within (\d+) s", PAGE)
    assert told is not None
    default = ObjectivesConfig()
    assert (default.first_token_p95, default.latency_p95) == (float(told[1]), float(told[2]))
    assert f"up to {default.up_to} clients" in PAGE


def test_what_it_names_is_there() -> None:
    section = PAGE.partition("## In Dagster")[2].partition("\n## ")[0]
    repository = build_definitions().get_repository_def()
    graph = repository.asset_graph
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    names |= {key.name for key in graph.asset_check_keys}
    names |= {sensor.name for sensor in repository.sensor_defs}
    told = re.findall(r"(?:asset|check|[Ss]ensor) `([\w/]+)`", section)
    told += re.findall(r"sensor `(\w+)`", section)
    assert len(told) >= 7
    assert set(told) <= names
