"""Evidence in scripts of which job reads or writes which table.

Belongs here: job to script to the tables named in it, with file and line. Does not belong here:
guessing: without a table's full name in a script or in a job's arguments there is no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.job_model import Job

ObjectName = tuple[str, str]
_SETTING = re.compile(
    r"^[ \t]*(?:export[ \t]+|readonly[ \t]+)?([A-Za-z_]\w*)="
    r"(?:\"([^\"\n$]*)\"|'([^'\n]*)'|([^\s\"'$;#`]*))",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"\$\{(?:hiveconf:|hivevar:)?(\w+)\}|\$(\w+)")
_SOURCED = re.compile(r"^[ \t]*(?:\.|source)[ \t]+[\"']?([^\n;#]*?)[\"']?[ \t]*(?:[;#]|$)", re.M)
_CALLED = re.compile(r"([\w.-]+\.(?:sh|bash|ksh|hql|sql))\b")
_COMMENT = re.compile(r"^[ \t]*#[^\n]*|(?<=\s)#[^\n]*|--[ \t][^\n]*", re.MULTILINE)
_NAME = re.compile(r"(?<![\w./`])`?([A-Za-z_]\w*)`?\s*\.\s*`?([A-Za-z_]\w*)`?(?![\w`/])")
_WRITES = re.compile(
    r"(?:insert\s+(?:overwrite|into)(?:\s+table)?|create\s+(?:external\s+)?table"
    r"(?:\s+if\s+not\s+exists)?|truncate\s+table|drop\s+table(?:\s+if\s+exists)?|load\s+data\b.*?"
    r"into\s+table|alter\s+table|merge\s+into|update|msck\s+repair\s+table)\s*`?$",
    re.IGNORECASE | re.DOTALL,
)
_READS = re.compile(r"(?:\bfrom|\bjoin|,)\s*`?$", re.IGNORECASE)
_SQL_COMMAND = re.compile(
    r"\b(?:hive|beeline|spark-sql|impala-shell)\b[^\n]*?\s-e\s", re.IGNORECASE
)
_DEEPEST_CALL = 5


@dataclass(frozen=True)
class TableAccess:
    """Evidence that a job touches a table: ``reads``, ``writes`` or ``mentions``."""

    job: str
    database: str
    table: str
    access: str
    file: str
    line: int


def table_accesses(
    jobs: Iterable[Job],
    scripts: Mapping[str, str],
    known: set[ObjectName],
    diagnostics: Diagnostics,
) -> list[TableAccess]:
    """What the jobs' scripts and arguments say of tables.

    Args:
        jobs: All jobs.
        scripts: Text of every script, SQL and properties file by its path.
        known: Tables and views of the catalog; other names are no evidence.
        diagnostics: Gets scripts that are missing.
    """
    by_name: dict[str, list[str]] = {}
    for path in scripts:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)
    found: set[TableAccess] = set()
    cache: dict[str, list[tuple[ObjectName, str, str, int]]] = {}
    for job in jobs:
        for match in _NAME.finditer(job.command):
            name = (match.group(1).lower(), match.group(2).lower())
            if name in known:
                access = _access(job.command, match.start())
                found.add(TableAccess(job.name, *name, access, job.file, job.line))
        if not job.script:
            continue
        paths = by_name.get(job.script, [])
        if not paths and scripts:
            text = f"its script {job.script} is not among the scripts"
            diagnostics.warning("script_missing", text, job.file, job.line, job.name)
        for path in paths:
            if path not in cache:
                cache[path] = _script_evidence(path, scripts, by_name, known)
            found |= {
                TableAccess(job.name, *name, access, file, line)
                for name, access, file, line in cache[path]
            }
    return sorted(found, key=lambda a: (a.job, a.file, a.line, a.database, a.table, a.access))


def _script_evidence(
    start: str,
    scripts: Mapping[str, str],
    by_name: Mapping[str, list[str]],
    known: set[ObjectName],
) -> list[tuple[ObjectName, str, str, int]]:
    """Evidence in a script and in the SQL files and scripts that it calls."""
    variables: dict[str, str] = {}
    found: list[tuple[ObjectName, str, str, int]] = []
    seen: set[str] = set()
    pending = [(start, 0)]
    while pending:
        path, depth = pending.pop(0)
        if path in seen or depth > _DEEPEST_CALL:
            continue
        seen.add(path)
        text = _COMMENT.sub(lambda m: " " * len(m.group()), scripts[path])
        for sourced in _SOURCED.findall(text):
            for other in by_name.get(PurePosixPath(sourced.strip("\"'")).name, ()):
                variables |= _settings(scripts[other])
        variables |= _settings(text)
        found += _names(path, text, variables, known)
        for called in _CALLED.findall(text):
            pending += [(other, depth + 1) for other in by_name.get(called, ())]
    return found


def _settings(text: str) -> dict[str, str]:
    return {m[1]: m[2] or m[3] or m[4] or "" for m in _SETTING.finditer(text)}


def _names(
    path: str, text: str, variables: Mapping[str, str], known: set[ObjectName]
) -> list[tuple[ObjectName, str, str, int]]:
    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1] or match[2])
        return match[0] if found is None or "\n" in found else found

    expanded = _VARIABLE.sub(value, text)
    found = []
    is_sql = path.rsplit(".", 1)[-1] in ("hql", "sql") or _SQL_COMMAND.search(expanded)
    line, position = 1, 0
    for match in _NAME.finditer(expanded):
        name = (match.group(1).lower(), match.group(2).lower())
        if name in known:
            line += expanded.count("\n", position, match.start())
            position = match.start()
            access = _access(expanded, match.start()) if is_sql else "mentions"
            found.append((name, access, path, line))
    return found


def _access(text: str, position: int) -> str:
    before = text[max(0, position - 200) : position]
    if _WRITES.search(before):
        return "writes"
    return "reads" if _READS.search(before) else "mentions"
