"""Requests made up from the gateway's own OpenAPI document, valid and not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.unit.serving.conftest import settings_in
from tests.unit.serving.running import Running
from tests.unit.serving.stand_in import StandIn
from tests.unit.serving.store import publish

NOT_OURS = [
    # Sends the key again where it means to leave it out; test_access walks all routes without.
    ignored_auth,
    # A version that is no longer kept is refused in its best form.
    positive_data_acceptance,
    # Does not know 414, the status of a path that is too long.
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def whole(model_server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway that has a catalog as well."""
    folder: Path = tmp_path_factory.mktemp("whole")
    publish(folder / "artifacts")
    with Running(settings_in(folder)) as running:
        running.application.upstreams.put("a", model_server.url, "r-1", "ready", ["released"])
        yield running


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_it(whole: Running, mode: GenerationMode) -> None:
    """Every operation answers as its document says: with no 5xx, known statuses and bodies."""
    key = {"authorization": f"Bearer {whole.key}"}
    document = schemathesis.openapi.from_url(f"{whole.url}/openapi.json", headers=key)
    operations = [found.ok() for found in document.get_all_operations()]
    assert {operation.path for operation in operations} == set(document.raw_schema["paths"])
    for operation in operations:

        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=key, excluded_checks=NOT_OURS)

        ask()
