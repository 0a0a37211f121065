"""What a browser sees of the gateway itself: logging in and out, and where to go.

Belongs here: three small pages, without a script. Does not belong here: the cookie.
"""

from __future__ import annotations

import html
from urllib.parse import parse_qs, quote

from serving.gateway.bounds import Headers
from serving.gateway.errors import RefusedError
from serving.gateway.exchange import Exchange
from serving.gateway.keys import KeyStore
from serving.gateway.sessions import Sessions, was_meant

_FORM_BYTES = 4_096
_STYLE = (
    "body{font:16px system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}"
    "input,button{font:inherit;padding:.4rem;width:100%;box-sizing:border-box;margin:.3rem 0}"
    "p.problem{color:#a00}"
)
_HEADERS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
]
_HTML = b"text/html; charset=utf-8"


class Pages:
    """Answers ``/``, ``/login`` and ``/logout``."""

    def __init__(self, keys: KeyStore, sessions: Sessions) -> None:
        """Put together of its parts."""
        self._keys = keys
        self._sessions = sessions

    async def login(self, exchange: Exchange) -> None:
        """Show the form, or take the key that was put in."""
        query = parse_qs(exchange.scope["query_string"].decode("latin-1"))
        if exchange.method in {"GET", "HEAD"}:
            await _page(exchange, 200, _form(_inside(query.get("next", [""])[0])))
            return
        if exchange.method != "POST":
            raise RefusedError(405, "method_not_allowed", "log in with GET and POST")
        # Nobody is to be logged in by another site as somebody else.
        if not was_meant("POST", exchange.headers):
            raise RefusedError(403, "other_origin", "this was asked by a page of another site")
        body = await exchange.body(_FORM_BYTES)
        form = parse_qs(body.decode("latin-1"))
        goal = _inside(form.get("next", [""])[0])
        key = self._keys.verify(form.get("key", [""])[0].strip())
        if key is None:
            await _page(exchange, 401, _form(goal, "That is no valid key."))
            return
        exchange.key = key
        cookie = self._sessions.cookie(key.id, secure=_secure(exchange))
        await _go(exchange, goal, cookie)

    async def logout(self, exchange: Exchange) -> None:
        """End the session."""
        if exchange.method != "POST":
            raise RefusedError(405, "method_not_allowed", "log out with POST")
        await _go(exchange, "/login", self._sessions.ended_cookie(secure=_secure(exchange)))

    async def start(self, exchange: Exchange) -> None:
        """Show where to go."""
        assert exchange.key is not None  # noqa: S101 - nothing gets here without one
        links = [
            ("/dagster/", "Dagster's web UI"),
            ("/catalog", "The catalog"),
            ("/services", "What is served"),
            ("/readyz", "How it is"),
        ]
        items = "".join(f'<li><a href="{link}">{title}</a></li>' for link, title in links)
        body = (
            f"<h1>aModels</h1><p>Logged in with the key {html.escape(exchange.key.name)}.</p>"
            f'<ul>{items}</ul><form method="post" action="/logout"><button>Log out</button></form>'
        )
        await _page(exchange, 200, body)

    async def to_login(self, exchange: Exchange) -> None:
        """Lead a browser to the form."""
        await _go(exchange, f"/login?next={quote(exchange.path, safe='/')}", None)


def _form(goal: str, problem: str = "") -> str:
    said = f'<p class="problem" role="alert">{problem}</p>' if problem else ""
    return (
        f'<h1>aModels</h1>{said}<form method="post" action="/login">'
        f'<input type="hidden" name="next" value="{html.escape(goal, quote=True)}">'
        '<label for="key">API key</label><input id="key" name="key" type="password" '
        'autocomplete="current-password" required autofocus><button>Log in</button></form>'
    )


def _inside(goal: str) -> str:
    """A path of this site, the start where it is none."""
    inside = goal.startswith("/") and not goal.startswith("//") and "\\" not in goal
    return goal if inside and goal.isprintable() else "/"


def _secure(exchange: Exchange) -> bool:
    return exchange.scope["scheme"] == "https"


async def _page(exchange: Exchange, status: int, body: str) -> None:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>aModels</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )
    await exchange.answer(status, _HTML, text.encode(), list(_HEADERS))


async def _go(exchange: Exchange, goal: str, cookie: str | None) -> None:
    headers = [*_HEADERS, (b"location", quote(goal, safe="/?=&%").encode())]
    if cookie is not None:
        headers.append((b"set-cookie", cookie.encode()))
    await exchange.answer(303, _HTML, b"", headers)
