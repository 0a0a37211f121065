"""Where the commands of Control-M jobs run, as a Dagster resource."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager

import dagster as dg

KINDS = ("dry_run", "local", "ssh")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Between asking a process group to end and killing it.
GRACE_SECONDS = 10.0


class CommandRunner(dg.ConfigurableResource):
    """Runs a command, or only says that it would.

    Attributes:
        kind: ``dry_run`` runs nothing; ``local`` runs with bash on this machine; ``ssh`` on the
            job's host as the job's account, with the keys that ssh itself is configured with.
        directory: Working directory of ``local``; empty for this process's own.
        timeout_seconds: After which a command is ended; 0 for never.
    """

    kind: str = "dry_run"
    directory: str = ""
    timeout_seconds: float = 0

    def run(self, command: str, host: str, account: str, log: Callable[[str], None]) -> int | None:
        """Run a command to its end.

        Args:
            command: For a shell.
            host: Where ``ssh`` runs it.
            account: As whom ``ssh`` runs it; may be empty.
            log: Gets each line of output.

        Returns:
            Exit code; None where nothing was run.

        Raises:
            ValueError: The kind of runner, or the host, is none.
            TimeoutError: It took longer than it may.
        """
        if self.kind not in KINDS:
            raise ValueError(
                f"AMODELS_CONTROLM_RUNNER is {self.kind!r}: give one of {', '.join(KINDS)}"
            )
        if self.kind == "dry_run":
            return None
        with self._started(self._arguments(command, host, account)) as process:
            for line in process.stdout or ():
                log(line.rstrip("\n"))
            return process.wait()

    def _arguments(self, command: str, host: str, account: str) -> list[str]:
        if self.kind == "local":
            return ["bash", "-c", command]
        for name, value in (("host", host), ("account", account or "default")):
            if not _HOST.fullmatch(value):
                raise ValueError(f"{value!r} is no {name} that ssh can be given")
        target = f"{account}@{host}" if account else host
        return ["ssh", "-o", "BatchMode=yes", target, "--", f"bash -c {shlex.quote(command)}"]

    @contextmanager
    def _started(self, arguments: list[str]) -> Generator[subprocess.Popen[str]]:
        limit = ["timeout", f"--kill-after={GRACE_SECONDS}", str(self.timeout_seconds)]
        process = subprocess.Popen(
            [*(limit if self.timeout_seconds else []), *arguments],
            cwd=self.directory or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own, so that a cancelled run ends its children too.
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                _end(process)
            if process.stdout:
                process.stdout.close()
        if self.timeout_seconds and process.returncode in (124, 137):
            raise TimeoutError(f"it took longer than {self.timeout_seconds:g} seconds")


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
