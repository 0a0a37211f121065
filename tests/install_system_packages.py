"""Installs what the tests need and pip cannot bring: a browser, and a Docker engine to unpack.

Where the browser may not be installed its tests skip loudly; with CI set, this fails instead. The
engine is only unpacked into the environment, since an installed one would be started at once; where
that cannot be done, or it does not start, the tests of containers skip loudly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ENGINE = Path(sys.prefix) / "docker-engine"
# Its programs, what containers find each other's names by, libraries that a small system lacks, and
# what makes a base image.
ENGINE_PACKAGES = (
    "docker.io", "containerd", "runc", "tini", "iptables", "libip4tc2", "libip6tc2", "libmnl0",
    "libnetfilter-conntrack3", "libnfnetlink0", "libnftnl11", "libxtables12",
    "libdevmapper1.02.1", "libseccomp2", "debootstrap",
)  # fmt: skip


def main() -> int:
    """Bring both; return the exit code."""
    code = install_browser()
    unpack_engine()
    return code


def unpack_engine() -> None:
    """Unpack Debian's packages of a Docker engine beside the environment's own programs."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if ENGINE.exists() or not apt or not dpkg:
        return
    with tempfile.TemporaryDirectory(dir=ENGINE.parent) as name:
        # Where it is found afterwards it is whole.
        folder, aside = Path(name), Path(name) / "unpacked"
        for arguments in (["update"], ["download", *ENGINE_PACKAGES]):
            done = subprocess.run(
                [apt, "-qq", "-o", "APT::Sandbox::User=root", *arguments], cwd=folder, check=False
            )
            if done.returncode and arguments != ["update"]:
                print("No Docker engine: the tests of containers will be skipped.", file=sys.stderr)
                return
        for package in sorted(folder.glob("*.deb")):
            subprocess.run([dpkg, "-x", package, aside], check=True)
        # Installed, Debian's alternatives would do this.
        (aside / "usr" / "sbin" / "iptables").symlink_to("xtables-nft-multi")
        aside.rename(ENGINE)


def install_browser() -> int:
    """Install Chromium unless a browser is there; return the exit code."""
    if any(shutil.which(name) for name in BROWSERS):
        return 0
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(
                [apt, "-qq", *arguments], env=environment, check=False, stdout=sys.stderr
            )
        if shutil.which("chromium"):
            return 0
    print(
        "No browser was found and none could be installed: the tests of the web UI will be skipped."
        " Install it with: sudo apt-get install chromium",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
