"""Rows of the record, made up."""

from dataclasses import asdict
from typing import Any

from amodels_assets.operations.operation import Operation


def row(operation_id: str, kind: str, name: str, at: float, **more: Any) -> dict[str, Any]:
    values = {"run_id": "", "room": name.split("/", maxsplit=1)[0], "status": "succeeded", **more}
    return asdict(Operation(operation_id, kind=kind, name=name, started_at=at, **values))


def made(operation_id: str, asset: str, at: float, **more: Any) -> dict[str, Any]:
    return row(operation_id, "materialization", asset, at, **more)
