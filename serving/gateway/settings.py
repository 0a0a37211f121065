"""What a gateway is told: from a YAML file, the command line and the platform's variables.

Belongs here: names, defaults and limits of settings. Does not belong here: what they do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from serving.releases.settings import ReleaseSettings

ServiceKind = Literal["predict", "dagster", "dagster-read-only"]


class InvalidSettingsError(ValueError):
    """A setting is wrong; the message says which."""


class DeclaredService(BaseModel):
    """A service that is always there.

    Attributes:
        name: The second part of ``/predict/<name>``.
        kind: What it is for.
        url: ``http://host:port``.
        health: Path that answers 200 while the service is well.
        needed: Whether the gateway is not ready without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    kind: ServiceKind
    url: str
    health: str = Field(default="/health", pattern=r"^/[A-Za-z0-9/_.-]*$")
    needed: bool = False


class Settings(BaseModel):
    """All settings; those with a default can stand in the YAML file.

    Attributes:
        home: Folder of the keys, the audit log, the file of upstreams and the services.
        artifacts: Root of the artifact store.
        redis_url: Where limits are counted for several processes, empty for memory.
        services: Declared ones.
        allowed_hosts: Hosts that the gateway may connect to, beside this machine.
        audit_prompts: Whether the audit log holds what was asked.
        body_bytes: Longest body of a request.
        requests: Most requests at one time in one process; more are refused with 503.
        body_seconds: In which a request's body has to come.
        connect_seconds: In which a server has to accept a connection.
        answer_seconds: In which a server has to begin its answer.
        idle_seconds: Between two parts of an answer; also for a client that does not read.
        session_hours: After which a browser has to log in again.
        service_seconds: After which a registered service that is silent is forgotten.
        probe_seconds: Between two looks at each dependency.
        queue_requests: Most requests that wait in one process for a release that is starting.
        queue_seconds: For which each of them waits; 0 to refuse them at once.
        releases: How a supervisor tries and switches releases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    artifacts: Path
    redis_url: str = ""
    services: tuple[DeclaredService, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    audit_prompts: bool = False
    body_bytes: int = Field(default=16 * 2**20, gt=0)
    requests: int = Field(default=4096, gt=0)
    body_seconds: float = Field(default=30, gt=0)
    connect_seconds: float = Field(default=5, gt=0)
    answer_seconds: float = Field(default=600, gt=0)
    idle_seconds: float = Field(default=120, gt=0)
    session_hours: float = Field(default=12, gt=0)
    service_seconds: float = Field(default=30, gt=0)
    probe_seconds: float = Field(default=5, gt=0)
    queue_requests: int = Field(default=256, ge=0)
    queue_seconds: float = Field(default=120, ge=0)
    releases: ReleaseSettings = ReleaseSettings()

    @field_validator("services")
    @classmethod
    def _names_are_unique(cls, services: tuple[DeclaredService, ...]) -> Any:
        if len({service.name for service in services}) < len(services):
            raise ValueError("two services have one name")
        return services


def read_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Settings of the platform's variables and of a YAML file.

    Raises:
        InvalidSettingsError: The file or a variable cannot be used.
    """
    home = Path(environment.get("AMODELS_HOME") or "var")
    artifacts = environment.get("AMODELS_ARTIFACTS_URL") or str(home / "artifacts")
    values: dict[str, Any] = {
        "home": home / "gateway",
        "artifacts": _folder(artifacts),
        "redis_url": environment.get("AMODELS_REDIS_URL", ""),
    }
    if file is not None:
        try:
            given = yaml.safe_load(file.read_text()) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InvalidSettingsError(f"{file} cannot be read: {error}") from error
        if not isinstance(given, dict) or not {"redis_url"}.isdisjoint(given):
            raise InvalidSettingsError(
                f"{file} is no mapping of settings, or has redis_url, which may hold a password: "
                "set AMODELS_REDIS_URL"
            )
        values |= given
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingsError(f"{file or 'settings'}: {where}: {first['msg']}") from error


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(parts.path)
    if parts.scheme:
        raise InvalidSettingsError("AMODELS_ARTIFACTS_URL is no path and no file:// URL")
    return Path(os.path.expanduser(url))
