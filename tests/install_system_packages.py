"""Installs what the tests need and pip cannot bring: a browser.

Where it may not be installed the browser's tests skip loudly; with CI set, this fails instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
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
