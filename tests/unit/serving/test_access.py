"""Nothing answers without a key, and each key only where its scopes lead."""

from __future__ import annotations

import json
import re
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode

import pytest

from serving.gateway.access import RULES
from serving.gateway.keys import KeyStore
from serving.gateway.sessions import Sessions
from tests.unit.serving.running import Answer, Running, wait_until

OPEN = {"/healthz", "/login"}
PATHS = sorted({"/v1/models", "/v1/chat/completions", "/predict/x", "/dagster/graphql", "/nothing",
                *(f"/{first}" for first in RULES)})  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def documented(gateway: Running) -> list[tuple[str, str]]:
    """Methods and paths of every route of the application inside."""
    schema = gateway.application.control.application.openapi()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, methods in schema["paths"].items()
        for method in methods
    ]


def test_nothing_but_healthz_answers_without_a_key(gateway: Running) -> None:
    inside = documented(gateway)
    assert len(inside) >= 8
    # All that FastAPI would answer is known to the rules too.
    routes = [r for r in gateway.application.control.application.routes if hasattr(r, "path")]
    assert {r.path.split("/")[1] for r in routes} <= set(RULES)  # ty: ignore[unresolved-attribute]
    asked = {*inside, *((method, path) for path in PATHS for method in METHODS)}
    for method, path in sorted(asked - {(m, p) for p in OPEN for m in METHODS}):
        for headers in ({}, {"accept": "text/html"}, {"authorization": "Bearer amk_no"}):
            answer = gateway.ask(method, path, key=None, headers=headers)
            if answer.status == 303:
                assert answer.headers["location"].startswith("/login?next=")
                assert method == "GET"
            else:
                assert answer.status == 401, (method, path, headers)
                assert method == "HEAD" or answer.code == "invalid_api_key"
    assert gateway.ask("GET", "/healthz", key=None).body == b"ok\n"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {other}",
        "bearer é",
    ],
)
def test_keys_that_are_none(gateway: Running, wrong: str) -> None:
    other = gateway.key[:17] + ("A" if gateway.key[17] != "A" else "B") + gateway.key[18:]
    given = wrong.format(key=gateway.key, other=other)
    headers = {"authorization": given}
    assert gateway.ask("GET", "/v1/models", key=None, headers=headers).status == 401


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("infer", {"/v1/models", "/services"}),
        ("catalog", {"/catalog", "/services", "/dagster/"}),
        ("operate", {"/metrics", "/services", "/dagster/"}),
        ("admin", {"/v1/models", "/catalog", "/metrics", "/services", "/dagster/"}),
    ],
)
def test_each_scope_leads_to_its_routes(gateway: Running, scope: str, allowed: set[str]) -> None:
    key = gateway.new_key(scope)
    for path in ("/v1/models", "/catalog", "/metrics", "/services", "/dagster/"):
        answer = gateway.ask("GET", path, key=key)
        assert (answer.status != 403) == (path in allowed), (scope, path)
        assert answer.status != 401
    written = gateway.ask("DELETE", "/services/unknown", key=key)
    assert written.status == (404 if scope in {"operate", "admin"} else 403)


def test_a_revoked_key_ends_at_once(gateway: Running) -> None:
    key = gateway.new_key("infer")
    assert gateway.ask("GET", "/v1/models", key=key).status == 200
    gateway.application.keys.revoke(key.split("_")[1])
    assert gateway.ask("GET", "/v1/models", key=key).status == 401


def test_a_revoked_key_ends_what_goes_on(gateway: Running) -> None:
    key = gateway.new_key("infer")
    body = json.dumps({"model": "r-1", "prompt": "slowly 3000", "stream": True}).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    sent = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    gateway.application.keys.revoke(key.split("_")[1])
    assert gateway.raw(sent).startswith(b"HTTP/1.1 401")
    key = gateway.new_key("infer")
    sent = re.sub(rb"amk_[\w-]+", key.encode(), sent)
    with gateway.connection() as connection:
        connection.sendall(sent)
        received = b""
        while b"w0" not in received:
            part = connection.recv(65_536)
            assert part, received
            received += part
        gateway.application.keys.revoke(key.split("_")[1])
        while part := connection.recv(65_536):
            received += part
    assert b"the key was revoked" in received


def test_keys_are_kept_as_hashes_only_and_for_the_owner_alone(gateway: Running) -> None:
    key = gateway.new_key("infer")
    file = gateway.application.keys.path
    assert key.split("_", 2)[2] not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert (gateway.settings.home / "session.secret").stat().st_mode & 0o077 == 0


def test_a_damaged_key_file_lets_nobody_in(gateway: Running) -> None:
    file = gateway.application.keys.path
    content = file.read_text()
    try:
        file.write_text(content[:-20])
        wait_until(lambda: gateway.ask("GET", "/v1/models").status == 503)
        assert gateway.ask("GET", "/v1/models").code == "keys_damaged"
        assert gateway.ask("GET", "/healthz", key=None).status == 200
    finally:
        file.write_text(content)
    wait_until(lambda: gateway.ask("GET", "/v1/models").status == 200)


def log_in(gateway: Running, key: str, origin: str | None = None, **form: str) -> Answer:
    host = f"127.0.0.1:{gateway.port}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if origin != "":
        headers["origin"] = origin or f"http://{host}"
    body = urlencode({"key": key, **form}).encode()
    return gateway.ask("POST", "/login", body, key=None, headers=headers)


def cookie_of(answer: Answer) -> str:
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"
    assert morsel["path"] == "/"
    return f"{morsel.key}={morsel.value}"


def test_a_browser_logs_in_and_out(gateway: Running) -> None:
    led = gateway.ask("GET", "/dagster/runs", key=None, headers={"accept": "text/html"})
    assert (led.status, led.headers["location"]) == (303, "/login?next=/dagster/runs")
    form = gateway.ask("GET", led.headers["location"], key=None)
    assert b'value="/dagster/runs"' in form.body
    wrong = log_in(gateway, "amk_wrong")
    assert wrong.status == 401
    assert "set-cookie" not in wrong.headers
    done = log_in(gateway, gateway.key, next="/catalog")
    assert (done.status, done.headers["location"]) == (303, "/catalog")
    cookie = cookie_of(done)
    assert gateway.key not in cookie
    start = gateway.ask("GET", "/", key=None, headers={"cookie": cookie})
    assert start.status == 200
    headers = {"cookie": cookie, "origin": f"http://127.0.0.1:{gateway.port}"}
    out = gateway.ask("POST", "/logout", key=None, headers=headers)
    assert (out.status, out.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in out.headers["set-cookie"]


@pytest.mark.parametrize(
    "goal",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\r\nx: y", ""],
)
def test_logging_in_leads_nowhere_else(gateway: Running, goal: str) -> None:
    answer = log_in(gateway, gateway.key, next=goal)
    assert answer.headers["location"] == "/"
    assert "x" not in answer.headers
    page = gateway.ask("GET", f"/login?next={quote(goal)}", key=None)
    assert b"evil" not in page.body


def test_the_form_does_not_take_markup(gateway: Running) -> None:
    page = gateway.ask("GET", f"/login?next={quote('/<script>x')}", key=None)
    assert b"<script>" not in page.body


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1:1"])
def test_other_sites_neither_log_in_nor_act(gateway: Running, origin: str) -> None:
    assert log_in(gateway, gateway.key, origin=origin).status == 403
    cookie = cookie_of(log_in(gateway, gateway.key))
    headers = {"cookie": cookie, **({"origin": origin} if origin else {})}
    answer = gateway.ask("DELETE", "/services/x", key=None, headers=headers)
    assert (answer.status, answer.code) == (403, "other_origin")
    # With a key in its header it is no browser that was led there.
    assert gateway.ask("DELETE", "/services/x", headers={"origin": origin}).status == 404


def test_cookies_that_are_none(gateway: Running) -> None:
    cookie = cookie_of(log_in(gateway, gateway.key))
    name, _, value = cookie.partition("=")
    identity, end, signature = value.split(".")
    for forged in (
        f"{identity}.9999999999.{signature}",
        f"{'0' * 12}.{end}.{signature}",
        f"{identity}.{end}.{'0' * 64}",
        f"{identity}.{end}",
        "é",
    ):
        headers = {"cookie": f"{name}={forged}"}
        assert gateway.ask("GET", "/v1/models", key=None, headers=headers).status == 401
    assert gateway.ask("GET", "/v1/models", key=None, headers={"cookie": cookie}).status == 200


def test_a_session_ends_with_its_time_and_with_its_key(gateway: Running, tmp_path) -> None:
    now = [1_000_000_000.0]
    sessions = Sessions(tmp_path / "secret", hours=1, clock=lambda: now[0])
    cookie = sessions.cookie("0" * 12, secure=True).split(";")[0].encode()
    assert sessions.identity(b"a=b; " + cookie) == "0" * 12
    assert Sessions(tmp_path / "secret", 1, lambda: now[0]).identity(cookie) == "0" * 12
    assert Sessions(tmp_path / "other", 1, lambda: now[0]).identity(cookie) is None
    now[0] += 3601
    assert sessions.identity(cookie) is None
    key = gateway.new_key("infer")
    cookie_of_key = cookie_of(log_in(gateway, key))
    gateway.application.keys.revoke(key.split("_")[1])
    headers = {"cookie": cookie_of_key}
    assert gateway.ask("GET", "/v1/models", key=None, headers=headers).status == 401


def test_stores_of_two_processes_see_each_other(tmp_path) -> None:
    one, other = KeyStore(tmp_path / "keys.json"), KeyStore(tmp_path / "keys.json")
    key, text = one.create("a", ["infer"])
    wait_until(lambda: other.verify(text) == key)
    other.revoke(key.id)
    assert other.verify(text) is None
    wait_until(lambda: one.verify(text) is None)
    assert [k.revoked_at != "" for k in one.all()] == [True]
