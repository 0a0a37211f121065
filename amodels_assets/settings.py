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

ENVIRONMENTS = ("dev", "staging", "prod")
# Control-M jobs of the last week may start again unless their run is known (``ready.py``).
LEAST_HISTORY_DAYS = 14
RUNNERS = ("dry_run", "local", "ssh")
POSTGRES = "AMODELS_POSTGRES_URL"
HANA = "AMODELS_HANA_URL"
NEO4J = "AMODELS_NEO4J_URL"
REDIS = "AMODELS_REDIS_URL"
OPERATIONS = "AMODELS_OPERATIONS_URL"
STORES = (POSTGRES, HANA, NEO4J, REDIS, OPERATIONS)
NOTIFICATIONS = "AMODELS_NOTIFICATION_URLS"
PROJECT_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """What one installation is configured to use.

    Attributes:
        home: Folder for everything that is made, ``AMODELS_HOME``; ``var`` by default.
        environment: One of ``ENVIRONMENTS``, ``AMODELS_ENV``: chooses the schedules and sensors.
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
        history_days: Days for which Dagster's runs are kept, ``AMODELS_HISTORY_DAYS``.
        controlm_folders: Control-M folders that Dagster offers to run,
            ``AMODELS_CONTROLM_FOLDERS``: names with commas between, ``*`` for all.
        controlm_runner: Where their commands run, ``AMODELS_CONTROLM_RUNNER``: ``dry_run``,
            ``local`` or ``ssh``.
        controlm_scripts: Working directory of ``local``, ``AMODELS_CONTROLM_SCRIPTS``.
        gateway_url: Where the gateway is, ``AMODELS_GATEWAY_URL``; empty for none.
        gateway_has_key: Whether ``AMODELS_GATEWAY_KEY`` is set; the key is not kept here.
        language_model: Base model that is fine-tuned, ``AMODELS_LANGUAGE_MODEL``.
        eval_directory: Public evaluation sets, ``AMODELS_EVAL_DIR``.
        privacy_budget: Largest ε of a source over all releases, ``AMODELS_PRIVACY_BUDGET``; None
            for no limit.
        prices: YAML file of what processors cost, ``AMODELS_PRICES``; None where nobody says.
        objectives: YAML file of service-level objectives, ``AMODELS_OBJECTIVES``.
        operations_retention_days: Days for which every operation is kept,
            ``AMODELS_OPERATIONS_RETENTION_DAYS``.
        notifies: Whether ``AMODELS_NOTIFICATION_URLS`` is set; the URLs are not kept here.
        quiet_hours: Hours in which nobody is told of the same thing again,
            ``AMODELS_NOTIFICATION_QUIET_HOURS``.
    """

    home: Path
    environment: str
    sgmi_directory: Path
    artifacts_url: str
    stores: frozenset[str]
    replica_file: Path
    timezone: str
    retention_days: int
    history_days: int
    training_steps: int
    device: str = ""
    gpu_price_per_hour: float | None = None
    controlm_folders: tuple[str, ...] = ()
    controlm_runner: str = "dry_run"
    controlm_scripts: Path | None = None
    eval_directory: Path | None = None
    privacy_budget: float | None = None
    language_model: str = "smollm2"
    gateway_url: str = ""
    gateway_has_key: bool = False
    prices: Path | None = None
    objectives: Path = PROJECT_ROOT / "data" / "objectives.yaml"
    operations_retention_days: int = 400
    notifies: bool = False
    quiet_hours: float = 4.0

    @property
    def embedded_url(self) -> str:
        """URL of the embedded database."""
        return f"sqlite:///{self.replica_file}"

    @property
    def operations_url(self) -> str:
        """URL of the embedded record of operations."""
        return f"sqlite:///{self.home / 'operations.sqlite'}"

    @property
    def audit_log(self) -> Path:
        """Folder of the gateway's audit log."""
        return self.home / "gateway" / "audit"

    @property
    def models(self) -> Path:
        """Folder of the base models."""
        return self.home / "models"

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
    environment_name = env.get("AMODELS_ENV") or "dev"
    if environment_name not in ENVIRONMENTS:
        raise ValueError(
            f"AMODELS_ENV is {environment_name!r}: give one of {', '.join(ENVIRONMENTS)}"
        )
    history = env.get("AMODELS_HISTORY_DAYS") or "90"
    if not re.fullmatch(r"\d{1,5}", history) or int(history) < LEAST_HISTORY_DAYS:
        raise ValueError(
            f"AMODELS_HISTORY_DAYS is {history!r}: give {LEAST_HISTORY_DAYS} days or more"
        )
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
    quiet = _amount(env, "AMODELS_NOTIFICATION_QUIET_HOURS", 4)
    runner = env.get("AMODELS_CONTROLM_RUNNER") or "dry_run"
    if runner not in RUNNERS:
        raise ValueError(f"AMODELS_CONTROLM_RUNNER is {runner!r}: give one of {', '.join(RUNNERS)}")
    folders = (name.strip() for name in (env.get("AMODELS_CONTROLM_FOLDERS") or "").split(","))
    scripts = env.get("AMODELS_CONTROLM_SCRIPTS")
    evaluation = env.get("AMODELS_EVAL_DIR")
    return Settings(
        home=home,
        environment=environment_name,
        sgmi_directory=Path(env.get("AMODELS_SGMI_DIR") or PROJECT_ROOT / "data" / "sgmi"),
        artifacts_url=env.get("AMODELS_ARTIFACTS_URL") or str(home / "artifacts"),
        stores=frozenset(name for name in STORES if env.get(name)),
        replica_file=home / "replica.sqlite",
        timezone=zone,
        retention_days=_days(env, "AMODELS_RETENTION_DAYS", 60),
        history_days=int(history),
        training_steps=int(steps),
        device=device,
        gpu_price_per_hour=_amount(env, "AMODELS_GPU_PRICE_PER_HOUR", 2.5),
        controlm_folders=tuple(name for name in folders if name),
        controlm_runner=runner,
        controlm_scripts=Path(scripts).absolute() if scripts else None,
        eval_directory=Path(evaluation).absolute() if evaluation else None,
        privacy_budget=_amount(env, "AMODELS_PRIVACY_BUDGET", 8),
        language_model=env.get("AMODELS_LANGUAGE_MODEL") or "smollm2",
        gateway_url=env.get("AMODELS_GATEWAY_URL") or "",
        gateway_has_key=bool(env.get("AMODELS_GATEWAY_KEY")),
        prices=Path(env["AMODELS_PRICES"]).absolute() if env.get("AMODELS_PRICES") else None,
        objectives=Path(
            env.get("AMODELS_OBJECTIVES") or PROJECT_ROOT / "data" / "objectives.yaml"
        ).absolute(),
        operations_retention_days=_days(env, "AMODELS_OPERATIONS_RETENTION_DAYS", 400),
        notifies=bool(env.get(NOTIFICATIONS)),
        quiet_hours=4.0 if quiet is None else quiet,
    )


def _days(env: Mapping[str, str], name: str, default: int) -> int:
    days = env.get(name) or str(default)
    if not days.isdigit() or not 0 < int(days) < 100_000:
        raise ValueError(f"{name} is {days!r}: give a whole number of days, {default} say")
    return int(days)


def _amount(env: Mapping[str, str], name: str, example: float) -> float | None:
    text = env.get(name) or ""
    if text and not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"{name} is {text!r}: give a number, {example:g} say")
    return float(text) if text else None
