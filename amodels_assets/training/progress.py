"""How far a training is: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

from amodels_assets.training.work import Metrics

_SECONDS_BETWEEN_LINES = 10.0


class ProgressBar:
    """Called after each step."""

    def __init__(self, say: Callable[[str], None] | None = None, *, shown: bool = True) -> None:
        """Begin.

        Args:
            say: Also gets the lines, Dagster's log say.
            shown: Whether anything goes to standard error.
        """
        self._say = say
        self._shown = shown
        self._said = time.monotonic()
        self._bar = None
        if shown and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc="training", unit="step", leave=False, file=sys.stderr)

    def __call__(self, step: int, steps: int, metrics: Metrics) -> None:
        """Show how far it is."""
        if self._bar is not None:
            self._bar.total = steps
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix({k: f"{v:.4g}" for k, v in metrics.items() if k != "step"})
        elif time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            if self._say is not None:
                self._say(f"step {step} of {steps}: {dict(metrics)}")
            if self._shown:
                sys.stderr.write(f"  training: step {step} of {steps}\n")

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def warnings_to(say: Callable[[str], object]) -> Generator[None]:
    """Pass warnings on as sentences, without the line of code that Python adds."""

    def show(  # noqa: PLR0917 (Python's own form)
        message: Warning | str,
        category: type[Warning],  # noqa: ARG001
        filename: str,  # noqa: ARG001
        lineno: int,  # noqa: ARG001
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,  # noqa: ARG001
    ) -> None:
        say(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show  # ty: ignore[invalid-assignment]
        yield
