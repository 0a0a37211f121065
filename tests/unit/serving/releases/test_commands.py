"""``amodels release list|explain|promote|rollback``, as a user types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner, Result

from amodels_assets.cli import cli
from tests.unit.serving.releases.world import ROOT, Supervised, eventually


def amodels(home: Path, *arguments: str) -> Result:
    # The command's process ends with the status; here that is an exception.
    return CliRunner().invoke(
        cli, ["release", *arguments], env={"AMODELS_HOME": str(home), "AMODELS_ARTIFACTS_URL": ""}
    )


def test_the_commands_of_the_page_are_taken(tmp_path: Path) -> None:
    world = Supervised(tmp_path)
    name = world.publish(b"one")
    page = (ROOT / "docs" / "serving.md").read_text()
    commands = re.findall(r"`?(?:\.venv/bin/)?amodels release ([a-z]+[^`\n|─]*)", page)
    said = {command.replace("catalog-language-0123456789ab", name) for command in commands}
    assert {command.split()[0] for command in said} >= {"list", "explain", "promote", "rollback"}
    for command in said:
        arguments = command.replace("--wait 600", "--wait 0").split()
        if arguments == ["promote"]:
            continue  # In the picture, where it only has its name.
        asked = amodels(tmp_path, *arguments)
        # Nobody takes up what is asked for here.
        assert asked.exit_code == (1 if "--wait" in arguments else 0), asked.output
        (world.folder / "request.json").unlink(missing_ok=True)


def standing(home: Path) -> dict[str, str]:
    found = json.loads(amodels(home, "list", "--json").output)
    return {entry["release"]: entry["state"] for entry in found}


def test_releases_are_listed_explained_promoted_and_taken_back(tmp_path: Path) -> None:
    assert "No language model is released yet" in amodels(tmp_path, "list").output
    with Supervised(tmp_path, gateway=False, in_thread=True) as world:
        first = world.publish(b"one")
        world.decided(first)
        second = world.publish(b"two")
        world.decided(second)
        bad = world.publish(b"three", nonsense=True)
        world.decided(bad)
        assert standing(tmp_path) == {first: "served before", second: "served", bad: "rejected"}
        listed = amodels(tmp_path, "list").output.splitlines()
        assert listed[-1].startswith(bad)
        assert "nats from the stored ones" in listed[-1]
        why = amodels(tmp_path, "explain", bad).output
        assert why.startswith(f"{bad}: rejected\n")
        assert "- passed: files: 3 files" in why
        assert "- FAILED: log-probabilities: " in why
        assert "  logprob_difference = " in why
        assert "released by the gate, supersedes nothing:\n- passed: r: d" in why
        explained = json.loads(amodels(tmp_path, "explain", second, "--json").output)
        assert explained["verdict"]["verdict"] == "accepted"
        assert explained["rules"][0]["rule"] == "r"
        back = amodels(tmp_path, "rollback", "--wait", "30")
        assert (back.exit_code, back.output) == (0, f"accepted: {first} is served\n")
        # Tried again, and rejected again: the one that is served stays.
        refused = amodels(tmp_path, "promote", bad, "--wait", "30", "--json")
        assert refused.exit_code == 1
        assert json.loads(refused.output)["outcome"] == "rejected"
        asked = amodels(tmp_path, "promote", second)
        assert (asked.exit_code, asked.output) == (0, f"asked: promote {second}\n")
        eventually(lambda: standing(tmp_path)[second] == "served")
        assert amodels(tmp_path, "promote", second, "--wait", "30").output.endswith("already\n")
    assert amodels(tmp_path, "explain", "none").exit_code == 1


def test_nobody_is_there_to_be_asked(tmp_path: Path) -> None:
    world = Supervised(tmp_path)
    name = world.publish(b"one")
    assert standing(tmp_path) == {name: "not tried"}
    assert "no supervisor has tried it yet" in amodels(tmp_path, "explain", name).output
    waited = amodels(tmp_path, "rollback", "--wait", "0.3")
    assert waited.exit_code == 1
    assert "start `amodels-gateway supervise`" in waited.output
    again = amodels(tmp_path, "promote", name)
    assert again.exit_code == 1
    assert "rollback was asked before and is not taken up yet" in str(again.exception)


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    record = tmp_path / "gateway" / "releases" / "records" / "r-1.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"release": "r-1"}')
    done = amodels(tmp_path, "list")
    assert done.exit_code == 1
    assert str(record) in str(done.exception or done.output)
