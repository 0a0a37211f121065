"""Small catalogs written down by hand, and the shipped sample's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from amodels_assets.sgmi.schema import SCHEMAS


def table(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Rows of a table of the catalog; what they do not name is NULL."""
    schema = SCHEMAS[name]
    return pa.Table.from_pylist([{f.name: row.get(f.name) for f in schema} for row in rows], schema)


def catalog(
    tables: Mapping[str, str],
    *,
    edges: Iterable[tuple[str, str]] = (),
    views: Iterable[str] = (),
    jobs: Mapping[str, Mapping] | None = None,
    comments: Mapping[str, str] | None = None,
) -> dict[str, pa.Table]:
    """A catalog.

    Args:
        tables: Columns by ``database.table``: ``id string, since date``; a third word on is the
            comment.
        edges: View and what it reads.
        views: Those of the tables that are views.
        jobs: By name: ``cron``, ``waits_for``, ``writes``, ``reads``, ``description``.
        comments: By table.
    """
    jobs, comments, views = jobs or {}, comments or {}, {*views, *(view for view, _ in edges)}
    names = {
        name: dict(zip(("database", "table"), name.split("."), strict=True)) for name in tables
    }
    columns = []
    for name, text in tables.items():
        for place, part in enumerate(text.split(", ")):
            column, type_, *comment = part.split(" ", 2)
            columns.append(
                {**names[name], "position": place, "column": column, "is_partition": False,
                 "type": None if type_ == "?" else type_, "comment": "".join(comment) or None}
            )  # fmt: skip
    touched = [
        {"job": job, "access": access, "database": of.split(".")[0], "table": of.split(".")[1]}
        for job, facts in jobs.items()
        for access in ("reads", "writes")
        for of in facts.get(access, ())
    ]
    return {
        "tables": table(
            "tables",
            [{**names[n], "kind": "view" if n in views else "table", "comment": comments.get(n)}
             for n in tables],
        ),
        "columns": table("columns", columns),
        "table_lineage": table(
            "table_lineage",
            [{"target_database": v.split(".")[0], "target_table": v.split(".")[1],
              "source_database": s.split(".")[0], "source_table": s.split(".")[1]}
             for v, s in edges],
        ),
        "jobs": table(
            "jobs", [{"job": j, "description": f.get("description")} for j, f in jobs.items()]
        ),
        "job_schedules": table("job_schedules", [schedule(j, **f) for j, f in jobs.items()]),
        "job_tables": table("job_tables", touched),
    }  # fmt: skip


def schedule(job: str, **facts: object) -> dict[str, object]:
    """A row of ``job_schedules``."""
    trigger = "cron" if facts.get("cron") else "conditions" if facts.get("waits_for") else "never"
    days = {"months": [], "month_days": [], "week_days": [], "and_or": "O"}
    return {
        "job": job,
        "trigger": facts.get("trigger", trigger),
        "cron": facts.get("cron"),
        "waits_for": facts.get("waits_for"),
        "date_filter": {**days, **dict(facts.get("days") or {})},
        "not_expressible": facts.get("not_expressible", []),
    }


def warehouse(count: int = 30) -> dict[str, pa.Table]:
    """A small warehouse in which every kind of question can be asked in every split."""
    types = ("string", "int", "decimal(18,2)", "date", "double", "bigint", "timestamp")

    def column(table: int, place: int) -> str:
        comment = f" holds {table} {place}" if place % 3 == 0 else ""
        return f"c{table}_{place} {types[(table + place) % 7]}{comment}"

    tables = {f"m.t{n:02}": ", ".join(column(n, p) for p in range(7)) for n in range(count)}
    views = {f"v.v{n:02}": f"c{2 * n}_0 string, only_{n} int" for n in range(count // 2)}
    edges = [(view, f"m.t{2 * n:02}") for n, view in enumerate(views)]
    edges += [(f"v.v{n:02}", f"v.v{n - 1:02}") for n in range(1, len(views), 2)]
    jobs = {
        f"LOAD_{n:02}": {
            "writes": [f"m.t{n:02}"],
            "reads": [f"m.t{(n + 3) % count:02}"],
            "description": f"Loads m.t{n:02}",
            **({"cron": f"{n} 2 * * *"} if n % 2 else {"waits_for": f"C{n} AND C{n + 1}"}),
        }
        for n in range(count)
    }
    comments = {f"m.t{n:02}": f"table number {n}" for n in range(count)}
    return catalog({**tables, **views}, edges=edges, jobs=jobs, comments=comments)
