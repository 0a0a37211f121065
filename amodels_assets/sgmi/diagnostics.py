"""What was wrong with the input, as rows. Finding the faults is each reader's business."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a fault costs: ERROR where something of the input was lost."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Diagnostic:
    """One fault.

    Attributes:
        severity: What it costs.
        code: Stable name of the kind of fault, for filtering.
        message: One sentence for a person.
        file: Path relative to the source directory, POSIX.
        line: Line in the file as it lies there, from 1; 0 for the whole file.
        object: What it concerns: ``database.table``, a job, a column; may be empty.
    """

    severity: Severity
    code: str
    message: str
    file: str
    line: int
    object: str


@dataclass
class Diagnostics:
    """Collects the faults of one reading."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, file: str, line: int = 0, name: str = "") -> None:
        """Something of the input was lost."""
        self.found.append(Diagnostic(Severity.ERROR, code, message, file, line, name))

    def warning(self, code: str, message: str, file: str, line: int = 0, name: str = "") -> None:
        """The input is wrong, what was meant is clear."""
        self.found.append(Diagnostic(Severity.WARNING, code, message, file, line, name))

    def info(self, code: str, message: str, file: str, line: int = 0, name: str = "") -> None:
        """Worth knowing."""
        self.found.append(Diagnostic(Severity.INFO, code, message, file, line, name))

    def ordered(self) -> list[Diagnostic]:
        """Distinct faults by file, line, code and object."""
        return sorted(set(self.found), key=lambda d: (d.file, d.line, d.code, d.object, d.message))
