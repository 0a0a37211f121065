"""A supervisor in a fork, which starts at once and can be killed at any step."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from serving.gateway.settings import read_settings
from serving.model_server.process import CommandLauncher
from serving.releases.supervisor import Supervisor
from tests.unit.serving.releases.world import Supervised


class Forked:
    """A supervisor without its gateway in a fork of this process, which starts at once.

    Args:
        world: Where.
        killed_at: Which of its steps is its last, counted from 1; 0 for none.
        steps: What counts as a step: events of the interpreter, and the end of the path that they
            are about.
    """

    def __init__(
        self, world: Supervised, killed_at: int = 0, steps: tuple[tuple[str, str], ...] = ()
    ) -> None:
        settings = read_settings({"AMODELS_HOME": str(world.home)}, world.config)
        launcher = CommandLauncher(settings.releases.command)
        self.pid = os.fork()
        if self.pid:
            return
        try:
            log = os.open(world.home / "supervisor.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            logging.basicConfig(
                stream=os.fdopen(2, "w"),
                level=logging.INFO,
                force=True,
                format="%(asctime)s %(message)s",
            )
            if killed_at:
                sys.addaudithook(_killer(killed_at, steps))
            asyncio.run(Supervisor(settings, launcher, None).run())
        except BaseException:  # noqa: BLE001 - the test reads it in the log
            traceback.print_exc()
        finally:
            os._exit(1)

    def ended(self) -> bool:
        """Whether it was killed, as it was to be."""
        found, status = os.waitpid(self.pid, os.WNOHANG)
        if not found:
            return False
        assert os.WIFSIGNALED(status), f"it ended with {status}"
        return True

    def kill(self) -> None:
        """Kill it; what it started goes on."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _killer(moment: int, steps: tuple[tuple[str, str], ...]) -> Callable[..., None]:
    seen = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        path = str(arguments[1] if event == "os.rename" else arguments[0]) if arguments else ""
        if any(event == name and path.endswith(ending) for name, ending in steps):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    return count
