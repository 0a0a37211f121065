"""What the gateway says of itself, as figures: health, latency percentiles, tokens a second.

Belongs here: reading its metrics and its readiness, and what happened between two looks. Does not
belong here: asking (``resources/gateway.py``) and judging (``objectives.py``).

Counters only grow, until the gateway starts again; what happened between two looks is their
difference. Percentiles come from histograms, so they are as exact as the buckets are narrow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

PERCENTILES = (0.5, 0.95, 0.99)
# Routes behind which models are; the others are the gateway's own.
ROUTES = ("v1", "predict")
_REQUESTS = "amodels_gateway_requests_total"
_TOKENS = "amodels_gateway_tokens_total"
_SECONDS = "amodels_gateway_request_seconds_bucket"
_FIRST_BYTE = "amodels_gateway_first_byte_seconds_bucket"

Counts = dict[str, float]


class EndpointError(ValueError):
    """What the endpoint said cannot be understood; the message says what."""


@dataclass(frozen=True)
class Look:
    """Counters at a moment.

    Attributes:
        at: Seconds since 1970.
        requests: Answers by ``route status``.
        seconds: Answers that took at most so long, by ``route bound``, cumulative as Prometheus
            has them.
        first_byte: The same, until the first byte.
        tokens: By release.
    """

    at: float
    requests: Counts
    seconds: Counts
    first_byte: Counts
    tokens: Counts

    def to_json(self) -> str:
        """As text, for whoever looks again."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What :meth:`to_json` gave.

        Raises:
            EndpointError: It is no look.
        """
        try:
            raw = json.loads(text)
            counts = [raw[name] for name in ("requests", "seconds", "first_byte", "tokens")]
            looked = cls(
                float(raw["at"]), *({str(k): float(v) for k, v in c.items()} for c in counts)
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise EndpointError(f"what was kept of the last look is damaged: {error}") from error
        if not math.isfinite(looked.at):
            raise EndpointError("what was kept of the last look has no moment")
        return looked

    def counters(self) -> Counts:
        """All of them."""
        parts = {"r": self.requests, "s": self.seconds, "f": self.first_byte, "t": self.tokens}
        return {f"{p} {name}": n for p, counts in parts.items() for name, n in counts.items()}


@dataclass(frozen=True)
class Traffic:
    """What happened between two looks.

    Attributes:
        seconds: Between them; None for all since the gateway started.
        requests: Answered, of the routes behind which models are.
        failed: Of them with a status of 500 or more.
        latency: Seconds of each percentile by route, ``v1 p50`` say.
        first_byte: The same, until the first byte.
        tokens: Of prompts and answers, by release.
    """

    seconds: float | None
    requests: int
    failed: int
    latency: Counts
    first_byte: Counts
    tokens: Counts

    @property
    def tokens_per_second(self) -> float | None:
        """Over all releases; None where nobody knows since when."""
        return sum(self.tokens.values()) / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Readiness:
    """Whether all is up that the gateway needs.

    Attributes:
        ready: Whether it is.
        down: What is not, a sentence each; not all of it may be needed.
    """

    ready: bool
    down: tuple[str, ...]


def read_readiness(status: int, body: bytes) -> Readiness:
    """What ``/readyz`` says.

    Raises:
        EndpointError: It is none, or the key may not ask.
    """
    if status not in {200, 503}:
        raise EndpointError(_refused(status, "/readyz", "of any scope"))
    try:
        raw = json.loads(body)
        states = raw["dependencies"]
        down = [f"{s['name']}: {s['detail'] or 'down'}" for s in states if s["up"] is False]
        return Readiness(raw["ready"] is True and status == 200, tuple(down))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EndpointError(
            "/readyz is not as a gateway says it: is it aModels' gateway?"
        ) from error


def read_metrics(status: int, body: bytes, at: float) -> Look:
    """What ``/metrics`` says.

    Args:
        status: Of the answer.
        body: In the text format of Prometheus.
        at: When it was asked.

    Raises:
        EndpointError: It is none, or the key may not ask.
    """
    from prometheus_client.parser import text_string_to_metric_families

    if status != 200:
        raise EndpointError(_refused(status, "/metrics", "with the scope operate"))
    found: dict[str, Counts] = {n: {} for n in (_REQUESTS, _SECONDS, _FIRST_BYTE, _TOKENS)}
    known = False
    try:
        for family in text_string_to_metric_families(body.decode()):
            known = known or family.name.startswith("amodels_gateway")
            for sample in family.samples:
                if sample.name in found:
                    _count(found[sample.name], sample.labels, float(sample.value))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise EndpointError(f"/metrics cannot be read: {error}") from error
    if not known:
        raise EndpointError("/metrics has none of a gateway's figures: is it aModels' gateway?")
    return Look(at, found[_REQUESTS], found[_SECONDS], found[_FIRST_BYTE], found[_TOKENS])


def traffic(before: Look | None, now: Look) -> Traffic:
    """What happened between two looks; since the gateway started where it did so in between."""
    counted = now.counters()
    known = before is not None and before.at < now.at
    if (
        before is None
        or not known
        or any(counted.get(k, 0) < n for k, n in before.counters().items())
    ):
        before = Look(now.at, {}, {}, {}, {})
        seconds = None
    else:
        seconds = now.at - before.at
    requests = _less(now.requests, before.requests)
    return Traffic(
        seconds,
        int(sum(requests.values())),
        int(sum(n for name, n in requests.items() if name.rpartition(" ")[2] >= "500")),
        _percentiles(_less(now.seconds, before.seconds)),
        _percentiles(_less(now.first_byte, before.first_byte)),
        {name: n for name, n in _less(now.tokens, before.tokens).items() if n},
    )


def percentile(bounds: Sequence[tuple[float, float]], share: float) -> float | None:
    """A percentile out of a cumulative histogram, by a straight line within its bucket.

    Args:
        bounds: Upper bound and how many are at most that, ascending; the last bound is infinite.
        share: 0.95 say.

    Returns:
        None where nothing was counted; what is beyond the largest bound counts as that bound.
    """
    if not bounds or bounds[-1][1] <= 0:
        return None
    rank, low, below = share * bounds[-1][1], 0.0, 0.0
    for bound, count in bounds:
        if count >= rank and count > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (count - below)
        if not math.isinf(bound):
            low, below = bound, count
    return low


def as_metadata(readiness: Readiness, seen: Traffic) -> dict[str, Any]:
    """Figures by name, those that are not known left out."""
    figures: dict[str, Any] = {
        "ready": readiness.ready,
        "down": list(readiness.down),
        "window_seconds": seen.seconds,
        "requests": seen.requests,
        "failed_requests": seen.failed,
        "tokens_per_second": seen.tokens_per_second,
        "tokens_by_release": seen.tokens,
        **{f"latency {name}": value for name, value in seen.latency.items()},
        **{f"first byte {name}": value for name, value in seen.first_byte.items()},
    }
    rounded = {n: round(v, 6) if isinstance(v, float) else v for n, v in figures.items()}
    return {name: value for name, value in rounded.items() if value is not None}


def _count(counts: Counts, labels: Mapping[str, str], value: float) -> None:
    if not math.isfinite(value) or value < 0:
        raise EndpointError(f"a counter is {value}")
    if "release" in labels:
        name = labels["release"]
    elif labels.get("route") in ROUTES:
        name = f"{labels['route']} {labels.get('le', labels.get('status', ''))}"
    else:
        return
    counts[name] = counts.get(name, 0.0) + value


def _less(now: Counts, before: Counts) -> Counts:
    return {name: count - before.get(name, 0.0) for name, count in now.items()}


def _percentiles(counts: Counts) -> Counts:
    found: Counts = {}
    for route in ROUTES:
        bounds = sorted(
            (float(name.rpartition(" ")[2]), count)
            for name, count in counts.items()
            if name.rpartition(" ")[0] == route
        )
        for share in PERCENTILES:
            value = percentile(bounds, share)
            if value is not None:
                found[f"{route} p{round(share * 100)}"] = value
    return found


def _refused(status: int, path: str, key: str) -> str:
    if status in {401, 403}:
        return (
            f"the gateway does not let us ask {path} ({status}): set AMODELS_GATEWAY_KEY to a key "
            f"{key}"
        )
    return f"{path} answers {status}: is it aModels' gateway?"
