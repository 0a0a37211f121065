"""Passwords appear nowhere: not in what is printed, logged or stored, nor in an exception.

The letters of the passwords are never changed by an encoding, so that one search for them finds the
password as it is, encoded for a URL, in JSON or in a byte string.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from amodels_assets.cli import cli
from amodels_assets.configured import configured_resources
from amodels_assets.graph.model import GraphError
from amodels_assets.graph.neo4j_store import connected_graph
from amodels_assets.schemas.connect import ReplicaError, connected, engine_for
from amodels_assets.settings import from_environment
from resources.redis_client import RedisUnavailableError, connected_redis
from tests.bolt_server import BoltServer
from tests.free_ports import free_port
from tests.hana.process import HanaServer
from tests.hana.server import PASSWORD as HANA_PASSWORD
from tests.integration.processes import amodels
from tests.redis_server import RedisServer

pytestmark = pytest.mark.xdist_group("secrets")
LETTERS = "Zitronenfalter"
# Signs that a URL has to encode, and signs that encodings differ about.
PASSWORD = f"{LETTERS}/:@#?&%25+ {{}}'ß"
WRONG = f"falsch{PASSWORD}"
STORES = ("AMODELS_POSTGRES_URL", "AMODELS_HANA_URL", "AMODELS_NEO4J_URL", "AMODELS_REDIS_URL")
DATABASES = STORES[:3]
SELECTED = "group:schemas or group:search or group:graph or key:sgmi/change_events"
MESSAGES = (ReplicaError, GraphError, RedisUnavailableError)


def encoded(password: str) -> str:
    return quote(password, safe="")


@pytest.fixture(scope="module")
def urls(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """A server of each kind that lets in who knows the password, and nobody else."""
    folder = tmp_path_factory.mktemp("servers")
    with connected(postgresql) as connection:
        literal = PASSWORD.replace("'", "''")
        connection.exec_driver_sql(
            f"CREATE ROLE secretary SUPERUSER LOGIN PASSWORD '{literal}'",
            execution_options={"no_parameters": True},
        )
        rules = Path(connection.exec_driver_sql("SHOW hba_file").scalar_one())
        rules.write_text(f"local all secretary scram-sha-256\n{rules.read_text()}")
        connection.execute(sa.select(sa.func.pg_reload_conf()))
        connection.commit()
    server = sa.make_url(postgresql)
    url = server.set(username="secretary", password=PASSWORD)
    bolt = BoltServer(folder / "bolt", PASSWORD)
    redis = RedisServer(folder / "redis", PASSWORD)
    hana = HanaServer(folder / "hana")
    yield dict(
        zip(
            STORES,
            (url.render_as_string(hide_password=False), hana.url, bolt.url, redis.url),
            strict=True,
        )
    )
    for started in (bolt, redis, hana):
        started.stop()


@pytest.fixture(scope="module")
def home(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the catalog was made without any store."""
    found = tmp_path_factory.mktemp("home")
    done = amodels("run", "--select", "group:sgmi", home=found, AMODELS_SGMI_DIR=str(source))
    assert done.returncode == 0, done.stderr
    return found


@dataclasses.dataclass
class Room:
    """A home and the commands in it, whose output is kept with what they leave behind."""

    home: Path
    source: Path
    capture: pytest.CaptureFixture[str]
    printed: str = ""

    def run(self, *arguments: str, **urls: str) -> int:
        environment = {
            "AMODELS_HOME": str(self.home),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "AMODELS_SGMI_DIR": str(self.source),
            **urls,
        }
        done = CliRunner().invoke(cli, list(arguments), env=environment)
        shown = self.capture.readouterr()
        self.printed += f"{done.output}{shown.out}{shown.err}"
        if done.exception is not None:
            self.printed += "".join(traceback.format_exception(done.exception))
            assert isinstance(done.exception, SystemExit | ValueError), done.exception
        return done.exit_code

    def places(self) -> list[str]:
        """Where a password is: what was printed, and files by their path."""
        files = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        assert any("dagster" in path.parts for path in files)
        found = [str(path) for path in files if is_secret(path.read_bytes())]
        return found + ["printed"] * is_secret(self.printed.encode())


def is_secret(data: bytes) -> bool:
    return LETTERS.encode() in data or HANA_PASSWORD.encode() in data


@pytest.fixture
def room(home: Path, source: Path, capfd: pytest.CaptureFixture[str]) -> Room:
    return Room(home, source, capfd)


def test_where_everything_works(room: Room, urls: dict[str, str]) -> None:
    for arguments in (
        ("run", "--verbose", "--select", SELECTED),
        ("run", "--json", "--select", SELECTED),
        ("schemas", "plan"),
        ("schemas", "plan", "--json"),
        ("schemas", "apply", "--allow-destructive"),
        ("schemas", "history"),
        ("search", "facility"),
        ("ask", "orphan_tables"),
        ("export", "graph", "--out", str(room.home / "exported")),
        ("events", "list"),
        ("events", "follow", "--group", "g", "--once"),
        ("status", "--json"),
        ("controlm", "list"),
    ):
        assert room.run(*arguments, **urls) == 0, room.printed[-3000:]
    assert {path.name for path in (room.home / "artifacts").glob("*/*")} >= {
        "postgresql", "hana", "neo4j", "index"
    }  # fmt: skip
    assert room.places() == []


def broken(urls: dict[str, str], how: str, names: tuple[str, ...]) -> dict[str, str]:
    """The same configuration with stores that cannot be used."""
    found = dict(urls)
    for name in names:
        url = sa.make_url(urls[name])
        secret = encoded(WRONG)
        match how:
            case "wrong password":
                found[name] = url.set(password=WRONG).render_as_string(hide_password=False)
                if name in STORES[2:]:
                    found[name] = urls[name].replace(encoded(PASSWORD), secret)
            case "refused":
                found[name] = f"{url.drivername}://u:{secret}@127.0.0.1:{free_port()}/0"
            case "not encoded":
                found[name] = f"{url.drivername}://u:{WRONG}@127.0.0.1:{free_port()}/0"
            case "no number":
                found[name] = f"{url.drivername}://u:{secret}@127.0.0.1:{LETTERS}/0"
            case "another scheme":
                found[name] = f"ftp://u:{secret}@127.0.0.1/0"
            case "no URL":
                found[name] = f"[{WRONG}"
    return found


HOW = ("wrong password", "refused", "not encoded", "no number", "another scheme", "no URL")


@pytest.mark.parametrize("names", [DATABASES, STORES[3:]], ids=["databases", "redis"])
@pytest.mark.parametrize("how", HOW)
def test_where_nothing_works(
    room: Room, urls: dict[str, str], how: str, names: tuple[str, ...]
) -> None:
    given = broken(urls, how, names)
    commands = [("run", "--verbose", "--select", SELECTED)]
    if names == DATABASES:
        commands += [("schemas", "plan"), ("schemas", "history"), ("search", "facility")]
        commands += [("schemas", "apply", "--target", target) for target in ("postgresql", "hana")]
    else:
        commands += [("events", "list"), ("events", "follow", "--group", "g", "--once")]
    for arguments in commands:
        assert room.run(*arguments, **given) == 1, room.printed[-3000:]
    assert room.places() == []
    assert "cannot be" in room.printed or "is not supported" in room.printed


# What people write when they do not know how a URL is written.
ODD = [
    f"{{scheme}}://u:{LETTERS}@127.0.0.1:{{port}}/0?password={LETTERS}",
    f"{{scheme}}://127.0.0.1:{{port}}/0?user=u&password={LETTERS}",
    f"{{scheme}}://u:4711/{LETTERS}@127.0.0.1:{{port}}/0",
    f"{{scheme}}://u:4711#{LETTERS}@127.0.0.1:{{port}}/0",
    f"{{scheme}}://u:4711?{LETTERS}@127.0.0.1:{{port}}/0",
    f"{{scheme}}://u:x@{LETTERS}@127.0.0.1:{{port}}/0",
    f"{{scheme}}://u:{LETTERS}@[::1/0",
    f"{{scheme}}://u:{LETTERS}@/0?port={{port}}",
    f"{{scheme}}:u:{LETTERS}@127.0.0.1",
    f"u:{LETTERS}@127.0.0.1:{{port}}",
    f"{{scheme}}://u:{LETTERS}",
    LETTERS,
    "",
]
CONNECTIONS: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "postgresql": connected,
    "hana": connected,
    "neo4j": connected_graph,
    "bolt": connected_graph,
    "redis": connected_redis,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("scheme", CONNECTIONS)
def test_an_odd_url_is_one_sentence_without_the_password(
    scheme: str, odd: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = odd.format(scheme=scheme, port=free_port())
    with pytest.raises(MESSAGES) as caught, CONNECTIONS[scheme](url):
        pytest.fail("connected")
    text = "".join(traceback.format_exception(caught.value))
    shown = capfd.readouterr()
    assert LETTERS not in f"{text}{caught.value!r}{shown.out}{shown.err}"
    assert "4711" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_shows_its_url(urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    settings = from_environment()
    shown = [repr(settings), str(settings)]
    for resource in configured_resources(settings).values():
        shown += [repr(resource), str(resource)]
    for resource in configured_resources(settings).values():
        with suppress(AttributeError):
            # As Dagster hands it to an asset: with the variables' values in it.
            plain = type(resource)(**{
                key: urls.get(getattr(value, "env_var_name", ""), value)
                for key, value in resource.model_dump().items()
            })  # fmt: skip
            shown += [repr(plain), str(plain)]
    for name in STORES[:2]:
        engine = engine_for(urls[name])
        shown += [repr(engine), str(engine.url), repr(engine.pool), repr(engine.dialect)]
        hidden = engine_for(f"postgresql://127.0.0.1/x?password={LETTERS}")
        shown.append(repr(hidden))
        with connected(urls[name]) as connection:
            shown += [repr(connection), repr(connection.engine)]
    with connected_graph(urls["AMODELS_NEO4J_URL"]) as graph:
        shown += [repr(graph), repr(graph._driver)]
    with connected_redis(urls["AMODELS_REDIS_URL"]) as client:
        shown += [str(client.ping())]
    assert len(shown) > 30
    assert [text for text in shown if is_secret(text.encode())] == []
