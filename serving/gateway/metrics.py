"""What the gateway counts, for Prometheus.

Nothing else belongs here. Labels hold names of the gateway's own (routes, releases, reasons),
never what a client sent: their number is bounded.
"""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REQUESTS = Counter(
    "amodels_gateway_requests", "Requests answered", ["route", "status"], registry=REGISTRY
)
DURATION = Histogram(
    "amodels_gateway_request_seconds",
    "From a request's headers to the end of its answer",
    ["route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
FIRST_BYTE = Histogram(
    "amodels_gateway_first_byte_seconds",
    "From a request's headers to the first byte of its answer",
    ["route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
TOKENS = Counter("amodels_gateway_tokens", "Tokens of answers", ["release"], registry=REGISTRY)
UNDER_WAY = Gauge(
    "amodels_gateway_under_way",
    "Requests that are being answered",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
UPSTREAM_FAILURES = Counter(
    "amodels_gateway_upstream_failures",
    "Requests that a server behind did not answer",
    ["upstream", "reason"],
    registry=REGISTRY,
)
WAITING = Gauge(
    "amodels_gateway_waiting",
    "Requests that wait for a release that is starting",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
AUDIT_WAITING = Gauge(
    "amodels_gateway_audit_waiting",
    "Lines of the audit log that are not on the disk yet",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
DEPENDENCY_UP = Gauge(
    "amodels_gateway_dependency_up",
    "Whether a dependency answers",
    ["dependency"],
    multiprocess_mode="livemin",
    registry=REGISTRY,
)


@lru_cache(maxsize=4096)
def _of(route: str, status: int) -> tuple[Counter, Histogram, Histogram]:
    """The figures of a route, found once: looking labels up costs more than counting."""
    return REQUESTS.labels(route, str(status)), DURATION.labels(route), FIRST_BYTE.labels(route)


def answered(route: str, status: int, seconds: float, first_byte: float) -> None:
    """Count an answer; ``first_byte`` is 0 where there was none."""
    count, duration, first = _of(route, status)
    count.inc()
    duration.observe(seconds)
    if first_byte:
        first.observe(first_byte)


@lru_cache(maxsize=256)
def tokens_of(release: str) -> Counter:
    """The tokens of a release's answers."""
    return TOKENS.labels(release)


def exposition() -> bytes:
    """All figures, of all processes where there are several."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)
    return generate_latest(together)
