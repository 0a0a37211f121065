"""Writes a whole sample, or nothing: rows, warehouse, ground truth.

Belongs here: putting the parts together and the renaming into place. Does not belong here: what
the parts say.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from amodels_assets.sample.profiles import Profile

GENERATOR = "amodels sample"
TRUTH_FILE = "ground_truth/truth.json"
SMALLEST_SCALE = 0.05


class SampleError(ValueError):
    """A sample cannot be written where or as it was asked for; the message says what to do."""


@dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Attributes:
        path: The source directory.
        files: Number of files.
        bytes: Their size together.
        rows: Rows by table of ``sgmisit``.
        counts: Number of databases, tables, views, columns, jobs and planted defects.
        best_possible_auroc: By ``test`` and ``all``.
    """

    path: Path
    files: int
    bytes: int
    rows: dict[str, int]
    counts: dict[str, int]
    best_possible_auroc: dict[str, float] = field(default_factory=dict)


def write_sample(
    out: Path,
    *,
    seed: int = 7,
    scale: float = 1.0,
    defects: bool = False,
    profile: Profile = Profile.BANK,
    progress: Callable[[str], None] | None = None,
) -> SampleSummary:
    """Write a synthetic SGMI source directory.

    Args:
        out: Made anew; may exist when it is empty or a sample that this function wrote, which
            is then replaced.
        seed: From 0; same arguments, same bytes.
        scale: 1 is about 60 tables, 20 views, 50 jobs and 350 clients; all in proportion.
        defects: Plant every defect that the readers have to survive.
        profile: Which warehouse; ``WAREHOUSE`` has 296 tables and 74 views of 2.4 MB at scale 1.
        progress: Called with one short line a step.

    Returns:
        What was written.

    Raises:
        SampleError: ``seed`` or ``scale`` makes no sense, or ``out`` holds something else or
            cannot be written.
    """
    # NumPy and Arrow are loaded only when a sample is written, not when the command line is.
    from amodels_assets.sample.rows import write_rows
    from amodels_assets.sample.source import write_warehouse

    say = progress or (lambda _: None)
    if seed < 0:
        raise SampleError(f"the seed must not be negative, it is {seed}")
    if not (math.isfinite(scale) and scale >= SMALLEST_SCALE):
        raise SampleError(f"the scale must be at least {SMALLEST_SCALE}, it is {scale}")
    # The same bytes for a scale of 1 and of 1.0.
    scale = float(scale)
    out = Path(out).absolute()
    _refuse_foreign(out)
    aside = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            say("rows")
            rows = write_rows(aside, seed=seed, scale=scale)
            say("warehouse")
            warehouse = write_warehouse(
                aside,
                seed=seed,
                scale=scale,
                rows=rows.rows,
                defects=defects,
                profile=profile,
            )
            for name, part in warehouse.parts.items():
                write_json(aside / TRUTH_FILE.replace("truth.json", f"{name}.json"), part)
            truth = {
                "generator": GENERATOR,
                "seed": seed,
                "scale": scale,
                "defects_planted": defects,
                **({} if profile is Profile.BANK else {"profile": profile}),
                "counts": warehouse.counts,
                **asdict(rows),
            }
            write_json(aside / TRUTH_FILE, truth)
            files = [path for path in aside.rglob("*") if path.is_file()]
            summary = SampleSummary(
                path=out,
                files=len(files),
                bytes=sum(path.stat().st_size for path in files),
                rows=rows.rows,
                counts=warehouse.counts,
                best_possible_auroc=rows.best_possible_auroc,
            )
            _install(aside, out)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    except OSError as error:
        raise SampleError(
            f"cannot write the sample to {out} ({error.strerror}): name another folder"
        ) from error
    say(f"wrote {summary.files} files to {out}")
    return summary


def write_json(path: Path, value: Mapping[str, object] | Sequence[object]) -> None:
    """Write JSON with sorted keys, one line an entry of the outermost list or object."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def line(entry: object) -> str:
        return json.dumps(entry, sort_keys=True, ensure_ascii=False)

    if isinstance(value, Mapping):
        lines = [f"{line(name)}: {line(value[name])}" for name in sorted(value)]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
    else:
        text = "[\n" + ",\n".join(line(entry) for entry in value) + "\n]\n"
    path.write_text(text, encoding="utf-8")


def _refuse_foreign(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise SampleError(f"{out} is a file: name a folder")
    if any(out.iterdir()) and not _is_sample(out):
        raise SampleError(
            f"{out} is not empty and holds no sample written by this command: "
            "name another folder, or empty it"
        )


def _is_sample(folder: Path) -> bool:
    try:
        truth = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(truth, dict) and truth.get("generator") == GENERATOR


def _install(aside: Path, out: Path) -> None:
    """Put the finished folder in place; what stood there before goes only then."""
    old = out.with_name(f".{out.name}.replaced")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    aside.rename(out)
    shutil.rmtree(old, ignore_errors=True)
