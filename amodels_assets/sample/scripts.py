"""The shell scripts that jobs run, and the evidence in them of what is read and written.

Belongs here: the text of scripts, of the SQL files and properties beside them, and on which line
which table is named. Does not belong here: which jobs there are (``jobs.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amodels_assets.sample.jobs import SCRIPT_FOLDER, Job, Load
from amodels_assets.sample.view_draw import Readable
from amodels_assets.sample.warehouse import PRESENTATION, STAGING, TRANSFORMATION

FOLDER = "scripts"
PROPERTIES = "warehouse.properties"
_VARIABLES = {
    STAGING: "STAGING_DATABASE",
    TRANSFORMATION: "TRANSFORMATION_DATABASE",
    PRESENTATION: "PRESENTATION_DATABASE",
}
_SECRET = "HIVE_PASSWORD"  # noqa: S105 - the name of a property whose value is empty


@dataclass(frozen=True)
class Access:
    """Evidence that a job touches a table.

    Attributes:
        job: The job.
        database: Of the table.
        table: The table or view.
        access: ``reads``, ``writes`` or ``mentions`` (named in arguments, use unknown).
        file: Relative to the source directory.
        line: From 1.
        via_variable: Whether the database stands there as a variable of the properties file.
    """

    job: str
    database: str
    table: str
    access: str
    file: str
    line: int
    via_variable: bool = False


def render_scripts(jobs: Iterable[Job]) -> tuple[dict[str, str], list[Access]]:
    """All scripts, SQL files and properties.

    Returns:
        Text by path, and the evidence in them.
    """
    files = {f"{FOLDER}/{PROPERTIES}": _properties()}
    found: list[Access] = []
    for job in jobs:
        if job.load is not None:
            texts, accesses = _script(job, job.load)
            files |= texts
            found += accesses
    return files, found


def _properties() -> str:
    lines = ["# Settings that every script reads.", "QUEUE=batch", f"{_SECRET}="]
    lines += [f"{variable}={database}" for database, variable in _VARIABLES.items()]
    lines += ["HIVE_URL=jdbc:hive2://hive.example:10000/default", ""]
    return "\n".join(lines)


def _script(job: Job, load: Load) -> tuple[dict[str, str], list[Access]]:
    path = f"{FOLDER}/{job.script}"
    lines = [
        "#!/bin/bash",
        f"# {job.description}",
        "set -euo pipefail",
        f'. "$(dirname "$0")/{PROPERTIES}"',
        'MODE="${2:-full}"',
        f"hdfs dfs -mkdir -p /landing/{load.target.name}",
    ]
    files: dict[str, str] = {}
    found: list[Access] = []
    if load.style == "spark":
        lines.append('spark3-submit --master yarn --queue "$QUEUE" \\')
        lines.append(f"  --class org.example.warehouse.Load {SCRIPT_FOLDER}/load.jar \\")
        named = [(load.target.database, load.target.name)]
        named += [(source.database, source.name) for source in load.sources]
        for place, (database, table) in enumerate(named):
            option = "--target" if place == 0 else "--source"
            ending = " \\" if place < len(named) - 1 else ""
            lines.append(f"  {option} {database}.{table}{ending}")
            found.append(Access(job.name, database, table, "mentions", path, len(lines)))
    elif load.style == "hive_f":
        sql_path = path.removesuffix(".sh") + ".hql"
        sql = _sql(load, variables=False)
        files[sql_path] = "\n".join([*(text for text, _ in sql), ""])
        found += _evidence(job, sql_path, 0, sql)
        lines.append(f'hive -f "$(dirname "$0")/{sql_path.split("/")[-1]}"')
    else:
        variables = load.style == "hive_e_variable"
        sql = _sql(load, variables=variables)
        start = 'beeline -u "$HIVE_URL" -e "' if load.style == "beeline_e" else 'hive -e "'
        found += _evidence(job, path, len(lines), sql, via_variable=variables)
        texts = [text for text, _ in sql]
        lines += [start + texts[0], *texts[1:-1], f'{texts[-1]}"']
    lines += [f'hdfs dfs -rm -r -skipTrash "/landing/{load.target.name}/_tmp" || true', ""]
    files[path] = "\n".join(lines)
    return files, found


SqlLine = tuple[str, list[tuple[str, str, str]]]


def _sql(load: Load, *, variables: bool) -> list[SqlLine]:
    """Lines of SQL, each with the (database, table, access) that it names."""

    def name(database: str, table: str) -> str:
        return f"${{{_VARIABLES[database]}}}.{table}" if variables else f"{database}.{table}"

    target, sources = load.target, load.sources
    keys = [_first_string(source) for source in sources]
    written: SqlLine = (
        f"insert overwrite table {name(target.database, target.name)}",
        [(target.database, target.name, "writes")],
    )
    lines = [written, (f"select a.{keys[0]}, current_date()", [])]
    for place, source in enumerate(sources):
        alias = "abc"[place]
        text = (
            f"{'from' if place == 0 else 'left join'} {name(source.database, source.name)} {alias}"
        )
        if place:
            text += f" on a.{keys[0]} = {alias}.{keys[place]}"
        lines.append((text, [(source.database, source.name, "reads")]))
    return [*lines, (f"where a.{keys[0]} is not null;", [])]


def _first_string(source: Readable) -> str:
    names = [name for name, kind in source.kinds.items() if kind == "string"]
    return (names or list(source.kinds))[0]


def _evidence(
    job: Job, path: str, offset: int, sql: Sequence[SqlLine], *, via_variable: bool = False
) -> list[Access]:
    return [
        Access(job.name, database, table, access, path, number, via_variable)
        for number, (_, named) in enumerate(sql, start=offset + 1)
        for database, table, access in named
    ]
