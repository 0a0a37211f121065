"""A Docker engine of the tests' own, from Debian's packages, and images without a registry.

Belongs here: starting and ending it, and images to begin with. Does not belong here: what is built
and started with it.

Its socket and everything it keeps lie in a folder of the test's, it changes no firewall rule and
makes no bridge of its own, so that it disturbs no other engine on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import ROOT

# tests/install_system_packages.py unpacks them here.
PACKAGES = Path(sys.prefix) / "docker-engine"
BASE = "amodels-test/base"
SUITE = "bookworm"
START_SECONDS = 60
_TRIPLET = f"{platform.machine()}-linux-gnu"


class Engine:
    """An engine that runs."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "docker.sock"
        libraries = [PACKAGES / part / _TRIPLET for part in ("lib", "usr/lib")]
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "AMODELS_"))},
            "PATH": os.pathsep.join([*_paths(), os.environ["PATH"]]),
            "DOCKER_HOST": f"unix://{self.socket}",
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "XTABLES_LIBDIR": str(libraries[-1] / "xtables"),
            "DOCKER_BUILDKIT": "1",
            "HOME": str(folder),
        }

    def docker(self, *arguments: str, timeout: float = 900) -> str:
        """Run ``docker`` and return what it prints; it must succeed."""
        done = subprocess.run(
            ["docker", *arguments], env=self.environment, cwd=ROOT, timeout=timeout,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        """What is known of containers or images."""
        return json.loads(self.docker("inspect", *names)) if names else []

    def build(self, dockerfile: Path, tag: str, *arguments: str, context: Path = ROOT) -> None:
        """Build an image."""
        self.docker(
            "build", "--file", str(dockerfile), "--tag", tag,
            *self.build_options(), *arguments, str(context),
        )  # fmt: skip

    def build_options(self) -> list[str]:
        """What a build gets to reach the package index as it is reached from here."""
        return [
            "--network", "host",
            "--build-arg", f"BASE_IMAGE={BASE}",
            "--secret", f"id=pip_conf,src={self.socket.parent / 'pip.conf'}",
            "--secret", f"id=certificates,src={_certificates()}",
        ]  # fmt: skip


@contextmanager
def engine() -> Iterator[Engine]:
    """Start an engine, or skip loudly where none can be started."""
    _need()
    # A socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="amodels-engine-"))
    found = Engine(folder)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none",
             "--storage-driver=overlay2", "--host", f"unix://{found.socket}",
             "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
             "--pidfile", str(folder / "pid")],
            env=found.environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        if not _answers(found, process):
            said = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            pytest.skip(f"NO CONTAINER WAS TESTED: no Docker engine can be started here: {said}")
        (folder / "pip.conf").write_text(
            f"[global]\ncert = /run/secrets/certificates\ntimeout = 180\n# {SECRET}\n"
        )
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        shutil.rmtree(folder)


# Of the pip.conf that builds get: no layer may keep it.
SECRET = "index-password-of-the-test"


def import_base(found: Engine) -> None:
    """An image of Debian with Python, which stands for the base image that a registry has."""
    archive = PACKAGES / f"{SUITE}.tar"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=PACKAGES) as folder:
            made = Path(folder) / "base"
            subprocess.run(
                ["debootstrap", "--variant=minbase", "--include=python3-venv,ca-certificates",
                 SUITE, str(made)],
                env={**found.environment,
                     "DEBOOTSTRAP_DIR": str(PACKAGES / "usr" / "share" / "debootstrap")},
                check=True, stdout=sys.stderr,
            )  # fmt: skip
            aside = Path(folder) / "tar"
            subprocess.run(["tar", "-C", made, "-cf", aside, "."], check=True)
            aside.rename(archive)
    found.docker("import", str(archive), BASE)


def _need() -> None:
    why = ""
    if os.geteuid() != 0:
        why = "only root can start one"
    elif not (PACKAGES / "usr" / "sbin" / "dockerd").exists():
        why = "its packages are not unpacked: run tests/install_system_packages.py"
    if why:
        pytest.skip(f"NO CONTAINER WAS TESTED: there is no Docker engine: {why}")


def _paths() -> list[str]:
    return [str(PACKAGES / "usr" / part) for part in ("bin", "sbin")]


def _answers(found: Engine, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        done = subprocess.run(
            ["docker", "info"], env=found.environment, capture_output=True, check=False
        )
        if done.returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _certificates() -> str:
    import ssl

    return os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "/dev/null"
