"""Settings from environment variables, with embedded defaults.

One place says which variables exist and what they mean; ``definitions.py`` makes resources from
them and the command line uses them directly. ``.env.example`` lists the same variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

RUNNERS = ("dry_run", "local", "ssh")
POSTGRES = "AMODELS_POSTGRES_URL"
HANA = "AMODELS_HANA_URL"
NEO4J = "AMODELS_NEO4J_URL"
REDIS = "AMODELS_REDIS_URL"
STORES = (POSTGRES, HANA, NEO4J, REDIS)
PROJECT_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """What one installation is configured to use.

    Attributes:
        home: Folder for everything that is made, ``AMODELS_HOME``; ``var`` by default.
        sgmi_directory: Source dumps, ``AMODELS_SGMI_DIR``.
        artifacts_url: Artifact store, ``AMODELS_ARTIFACTS_URL``: a path or ``file://`` URL.
        stores: Environment variables of ``STORES`` that are set; the URLs in them may hold a
            password and are not kept here.
        replica_file: The embedded SQLite database, for when neither PostgreSQL nor SAP HANA is.
        timezone: IANA zone in which schedules are read, ``AMODELS_TIMEZONE``.
        training_steps: Optimizer steps at most, ``AMODELS_TRAINING_STEPS``; 0 for the training's
            own number.
        device: What trainings compute on, ``AMODELS_DEVICE``: ``cpu``, ``cuda`` or
            ``cuda:<number>``; empty for a GPU where there is one.
        gpu_price_per_hour: Of one GPU, ``AMODELS_GPU_PRICE_PER_HOUR``; None where nobody says.
        retention_days: Days for which old checkpoint archives are kept,
            ``AMODELS_RETENTION_DAYS``.
        controlm_folders: Control-M folders that Dagster offers to run,
            ``AMODELS_CONTROLM_FOLDERS``: names with commas between, ``*`` for all.
        controlm_runner: Where their commands run, ``AMODELS_CONTROLM_RUNNER``: ``dry_run``,
            ``local`` or ``ssh``.
        controlm_scripts: Working directory of ``local``, ``AMODELS_CONTROLM_SCRIPTS``.
        eval_directory: Public evaluation sets, ``AMODELS_EVAL_DIR``.
    """

    home: Path
    sgmi_directory: Path
    artifacts_url: str
    stores: frozenset[str]
    replica_file: Path
    timezone: str
    retention_days: int
    training_steps: int
    device: str = ""
    gpu_price_per_hour: float | None = None
    controlm_folders: tuple[str, ...] = ()
    controlm_runner: str = "dry_run"
    controlm_scripts: Path | None = None
    eval_directory: Path | None = None

    @property
    def embedded_url(self) -> str:
        """URL of the embedded database."""
        return f"sqlite:///{self.replica_file}"

    def artifacts_path(self) -> Path:
        """The artifact store's folder, absolute.

        Raises:
            ValueError: The URL has a scheme other than ``file``.
        """
        parts = urlsplit(self.artifacts_url)
        if parts.scheme not in ("", "file"):
            raise ValueError(
                f"AMODELS_ARTIFACTS_URL has the scheme {parts.scheme!r}: "
                "give a path or a file:// URL"
            )
        return Path(url2pathname(parts.path) if parts.scheme else self.artifacts_url).absolute()


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: Variables; the process's own by default.

    Raises:
        ValueError: A variable has a value that cannot be used; the message names it.
    """
    env = os.environ if environment is None else environment
    home = Path(env.get("AMODELS_HOME") or "var").absolute()
    days = env.get("AMODELS_RETENTION_DAYS") or "60"
    if not days.isdigit() or int(days) < 1:
        raise ValueError(f"AMODELS_RETENTION_DAYS is {days!r}: give a whole number of days, 60 say")
    steps = env.get("AMODELS_TRAINING_STEPS") or "0"
    if not steps.isdigit():
        raise ValueError(f"AMODELS_TRAINING_STEPS is {steps!r}: give a number of steps, 100 say")
    device = env.get("AMODELS_DEVICE") or ""
    if device and not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ValueError(f"AMODELS_DEVICE is {device!r}: give cpu, cuda or cuda:<number>")
    zone = env.get("AMODELS_TIMEZONE") or "Europe/Berlin"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f"AMODELS_TIMEZONE is {zone!r}: give an IANA zone, Europe/Berlin say"
        ) from error
    runner = env.get("AMODELS_CONTROLM_RUNNER") or "dry_run"
    if runner not in RUNNERS:
        raise ValueError(f"AMODELS_CONTROLM_RUNNER is {runner!r}: give one of {', '.join(RUNNERS)}")
    folders = (name.strip() for name in (env.get("AMODELS_CONTROLM_FOLDERS") or "").split(","))
    scripts = env.get("AMODELS_CONTROLM_SCRIPTS")
    evaluation = env.get("AMODELS_EVAL_DIR")
    return Settings(
        home=home,
        sgmi_directory=Path(env.get("AMODELS_SGMI_DIR") or PROJECT_ROOT / "data" / "sgmi"),
        artifacts_url=env.get("AMODELS_ARTIFACTS_URL") or str(home / "artifacts"),
        stores=frozenset(name for name in STORES if env.get(name)),
        replica_file=home / "replica.sqlite",
        timezone=zone,
        retention_days=int(days),
        training_steps=int(steps),
        device=device,
        gpu_price_per_hour=_price(env.get("AMODELS_GPU_PRICE_PER_HOUR") or ""),
        controlm_folders=tuple(name for name in folders if name),
        controlm_runner=runner,
        controlm_scripts=Path(scripts).absolute() if scripts else None,
        eval_directory=Path(evaluation).absolute() if evaluation else None,
    )


def _price(text: str) -> float | None:
    if text and not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"AMODELS_GPU_PRICE_PER_HOUR is {text!r}: give a number, 2.5 say")
    return float(text) if text else None
