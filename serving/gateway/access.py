"""Who is asking, and whether they may.

Belongs here: the key of a request and the scopes of each route. Does not belong here: what the
routes do. What is not listed here is answered to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.gateway.errors import RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.json_file import DamagedFileError
from serving.gateway.keys import Key, KeyStore
from serving.gateway.sessions import Sessions, was_meant


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route.

    Attributes:
        scopes: Any of them is enough; none of them means any valid key.
        writes: The scopes for other methods than GET and HEAD, where they differ.
        open: Whether it answers without a key.
    """

    scopes: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    open: bool = False


# First part of the path to who may use it.
RULES: Mapping[str, Rule] = {
    "healthz": Rule(open=True),
    "login": Rule(open=True),
    "logout": Rule(),
    "": Rule(),
    "readyz": Rule(),
    "openapi.json": Rule(),
    "metrics": Rule(("operate",)),
    "services": Rule(("catalog", "infer", "operate"), writes=("operate",)),
    "v1": Rule(("infer",)),
    "predict": Rule(("infer",)),
    "catalog": Rule(("catalog",)),
    "lineage": Rule(("catalog",)),
    "search": Rule(("catalog",)),
    # Asking and changing both are POST there: dagster_ui.py tells the roles apart.
    "dagster": Rule(("catalog", "operate")),
}
# Asked for by browsers without being told to; nobody has to log in for that.
_UNAUTHENTICATED = RefusedError(
    401, "invalid_api_key", "this needs a valid API key: Authorization: Bearer amk_…"
)


class Access:
    """Finds out who is asking."""

    def __init__(self, keys: KeyStore, sessions: Sessions) -> None:
        """Put together of its parts."""
        self._keys = keys
        self._sessions = sessions

    def check(self, exchange: Exchange, *, websocket: bool = False) -> None:
        """Let a request through or refuse it; sets the exchange's route and key.

        Raises:
            RefusedError: 401 without a valid key, 403 without the scope, 404 where nothing is.
        """
        first = exchange.path[1:].partition("/")[0]
        rule = RULES.get(first)
        if rule is not None:
            exchange.route = first or "start"
            if rule.open:
                return
        try:
            exchange.key = self._key(exchange)
        except DamagedFileError:
            raise RefusedError(503, "keys_damaged", "the file of keys is damaged", 5) from None
        if exchange.key is None:
            raise _UNAUTHENTICATED
        if rule is None:
            raise RefusedError(404, "unknown_path", "there is nothing")
        if exchange.session and not was_meant(
            exchange.method, exchange.headers, websocket=websocket
        ):
            raise RefusedError(403, "other_origin", "this was asked by a page of another site")
        scopes = rule.scopes
        if rule.writes is not None and exchange.method not in {"GET", "HEAD"}:
            scopes = rule.writes
        if scopes and not any(exchange.key.may(scope) for scope in scopes):
            raise RefusedError(
                403, "scope_missing", f"this needs a key with scope {' or '.join(scopes)}"
            )

    def _key(self, exchange: Exchange) -> Key | None:
        given = exchange.headers.get(b"authorization")
        if given is not None:
            scheme, _, text = given.decode("latin-1").partition(" ")
            return self._keys.verify(text.strip()) if scheme.lower() == "bearer" else None
        identity = self._sessions.identity(exchange.headers.get(b"cookie", b""))
        exchange.session = identity is not None
        return self._keys.valid(identity) if identity is not None else None
