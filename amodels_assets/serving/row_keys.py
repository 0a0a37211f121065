"""What a client asks predictions for: entities by primary key, each as of a moment.

Belongs here: reading the body of a request, and saying what is wrong with it. Does not belong here:
whether the rows are there (``predictions.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa

from amodels_assets.datasets.dataset import RelationalDataset

# Of an error: more rows are counted and not named.
MOST_NAMED = 10


class RequestError(ValueError):
    """A request cannot be answered.

    Attributes:
        status: HTTP status.
        code: A word for programs.
        where: Parts of the body that are meant, ``rows[3].cutoff_date`` say.
    """

    def __init__(self, status: int, code: str, message: str, where: Sequence[str] = ()) -> None:
        """See the attributes."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.where = tuple(where)


@dataclass(frozen=True)
class RowForm:
    """What a row of a request looks like.

    Attributes:
        entity_column: Holds the primary key of the entity.
        key_kind: ``string`` or ``integer``.
        cutoff_column: Holds the moment of the prediction.
        whole_days: Whether a moment is a date, as it is in the data set.
    """

    entity_column: str
    key_kind: str
    cutoff_column: str
    whole_days: bool

    def to_json(self) -> dict[str, str]:
        """For clients: what each part is."""
        moment = "date" if self.whole_days else "date or time, UTC without a zone"
        return {self.entity_column: self.key_kind, self.cutoff_column: moment}


@dataclass(frozen=True)
class RowKeys:
    """Rows of a request.

    Attributes:
        entities: Primary keys.
        cutoffs: Moments without a zone, in UTC.
        said: The rows as the client wrote them.
    """

    entities: tuple[str | int, ...]
    cutoffs: tuple[datetime, ...]
    said: tuple[dict[str, Any], ...]


def form_of(dataset: RelationalDataset) -> RowForm:
    """What a row has to look like to be one of a data set's task.

    Raises:
        ValueError: The entities' keys are neither texts nor whole numbers.
    """
    task, entity = dataset.spec.task, dataset.spec.entity_table
    key = dataset.tables[entity.name].schema.field(entity.primary_key).type
    if pa.types.is_string(key) or pa.types.is_large_string(key):
        kind = "string"
    elif pa.types.is_integer(key):
        kind = "integer"
    else:
        raise ValueError(f"{entity.name}.{entity.primary_key} has type {key}: no client can say it")
    cutoff = dataset.tasks["test"].schema.field(task.cutoff_column).type
    return RowForm(task.entity_column, kind, task.cutoff_column, pa.types.is_date(cutoff))


def read_rows(body: bytes, form: RowForm, most: int) -> RowKeys:
    """The rows of a request's body.

    Args:
        body: ``{"rows": [{"<entity>": key, "<cut-off>": "2024-04-01"}]}``.
        form: What a row looks like.
        most: Rows in a request.

    Raises:
        RequestError: 400 it is no JSON, 413 too many rows, 422 a part is missing or wrong.
    """
    try:
        asked = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RequestError(400, "invalid_json", "the body is no JSON") from None
    rows = asked.get("rows") if isinstance(asked, dict) else None
    if not isinstance(rows, list) or len(asked) > 1:
        example = {form.entity_column: "…", form.cutoff_column: "2024-04-01"}
        form_said = json.dumps({"rows": [example]}, ensure_ascii=False)
        raise RequestError(422, "invalid", f"send {form_said} and nothing beside rows", ["rows"])
    if not rows:
        raise RequestError(422, "invalid", "rows is empty: send at least one", ["rows"])
    if len(rows) > most:
        told = f"{len(rows)} rows were sent and {most} are taken at once: send them in parts"
        raise RequestError(413, "too_many_rows", told, ["rows"])
    entities, cutoffs = zip(
        *(_row(row, f"rows[{n}]", form) for n, row in enumerate(rows)), strict=True
    )
    return RowKeys(entities, cutoffs, tuple(rows))


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _row(row: object, where: str, form: RowForm) -> tuple[str | int, datetime]:
    parts = {form.entity_column, form.cutoff_column}
    if not isinstance(row, dict) or set(row) != parts:
        both = " and ".join(sorted(parts))
        raise RequestError(422, "invalid", f"{where} has to hold {both}, and nothing else", [where])
    place = f"{where}.{form.entity_column}"
    return (
        _key(row[form.entity_column], place, form.key_kind),
        _moment(row[form.cutoff_column], f"{where}.{form.cutoff_column}", form),
    )


def _key(said: object, where: str, kind: str) -> str | int:
    # A truth value is a number in Python, and none here.
    if kind == "integer" and isinstance(said, int) and not isinstance(said, bool):
        if -(2**63) <= said < 2**63:
            return said
        raise RequestError(422, "invalid", f"{where} is no number of 64 bits", [where])
    # JSON can spell halves of characters, which no text of a database has.
    if kind == "string" and isinstance(said, str) and said.isprintable():
        return said
    if kind == "string" and isinstance(said, str):
        raise RequestError(422, "invalid", f"{where} holds signs that no key has", [where])
    raise RequestError(422, "invalid", f"{where} has to be a {kind}", [where])


def _moment(said: object, where: str, form: RowForm) -> datetime:
    example = "a date, 2024-04-01 say"
    try:
        if not isinstance(said, str):
            raise TypeError
        if form.whole_days or len(said) <= len("2024-04-01"):
            return datetime.combine(date.fromisoformat(said), time())
        example = "a date or a time, 2024-04-01T12:00:00 say"
        moment = datetime.fromisoformat(said)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (TypeError, ValueError, OverflowError):
        raise RequestError(422, "invalid", f"{where} has to be {example}", [where]) from None
