"""The page on base models, run from top to bottom with SmolLM2, the real one."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.unit.models import tiny

from .processes import ROOT, amodels, environment

PAGE = ROOT / "docs" / "models.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_as_it_stands_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    tiny.save_folder(tmp_path / "MODEL", tiny.llama(), tiny.byte_level_tokenizer())
    places = {name: str(tmp_path / name) for name in ("MODEL", "OUT")}
    printed, commands, answers, compared = "", 0, [], 0
    for language, block in BLOCK.findall(PAGE.read_text()):
        if language == "python":
            answers.append(python(block, home))
        elif language:
            # What the tests' environment was installed with.
            assert language == "bash"
        elif block.startswith(".venv/bin/amodels"):
            for line in block.splitlines():
                words = [places.get(word, word) for word in shlex.split(line)[1:]]
                done = amodels(*words, home=home)
                assert done.returncode == 0, f"{line}\n{done.stderr}"
                printed = done.stdout.replace(str(tmp_path / "OUT"), "OUT")
                commands += 1
        else:
            lines = iter(printed.splitlines())
            for line in block.splitlines():
                assert line in lines, f"{line!r} is not in the output, or not in this order"
                compared += 1
    assert (commands, len(answers)) == (9, 1)
    assert compared == 8
    assert "Paris" in answers[0]


def python(block: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
