"""The platform in containers, as ``make up`` starts it: what tests see and do of it.

Belongs here: the images, Compose's services and the questions that go through the gateway. Does not
belong here: the engine (``engine.py``), and what is asserted.
"""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tests.free_ports import free_ports
from tests.integration.deploy.engine import Engine, import_base
from tests.integration.deploy.platform import until
from tests.integration.processes import ROOT

DEPLOY = ROOT / "deploy"
HERE = Path(__file__).parent
VERSION = "test"
STORES = "amodels-test/stores"
LOCATION = "amodels-test/code-location"
IMAGES = ("code-location", "control", "gateway")
# Neo4j has no package that could stand for its image: the graph is the embedded one.
SERVICES = (
    "postgres",
    "redis",
    "code-location",
    "daemon",
    "webserver",
    "webserver-read-only",
    "gateway",
)
# No more than the assets need that are materialized here: what trains takes minutes to install.
EXTRAS = "EXTRAS=ui,quality,operations,postgres,redis,deploy"
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    __typename
    ... on Runs { results { runId status tags { key value } startTime endTime } }
    ... on PythonError { message }
  }
}
"""
LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


def build_images(engine: Engine) -> None:
    """All that Compose needs, from a bare Debian: ``make images``, and what has no package."""
    import_base(engine)
    engine.build(HERE / "stores" / "Dockerfile", STORES, context=HERE / "stores")
    done = subprocess.run(
        ["make", "--no-print-directory", "images", f"IMAGES={' '.join(IMAGES)}",
         f"AMODELS_VERSION={VERSION}",
         f"BUILD={' '.join([*engine.build_options(), '--build-arg', EXTRAS])}"],
        cwd=ROOT, env=engine.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    engine.build(
        HERE / "Dockerfile.location", f"{LOCATION}:{VERSION}",
        "--build-arg", f"IMAGE=amodels/code-location:{VERSION}",
    )  # fmt: skip


class Containers:
    """Compose's services on an engine."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.passwords = {
            f"AMODELS_{name}_PASSWORD": secrets.token_hex(16)
            for name in ("POSTGRES", "REDIS", "NEO4J")
        }
        (self.port,) = free_ports(1)
        overlay = folder / "overlay.yml"
        overlay.write_text(yaml.safe_dump(_overlay()))
        spec = find_spec("compose")
        assert spec is not None
        assert spec.origin is not None
        self.environment = {
            **engine.environment,
            **self.passwords,
            "COMPOSE": str(Path(spec.origin).parent / "docker-compose"),
            "COMPOSE_FILE": f"{DEPLOY / 'compose.yml'}:{overlay}",
            "AMODELS_VERSION": VERSION,
            "AMODELS_POSTGRES_IMAGE": STORES,
            "AMODELS_REDIS_IMAGE": STORES,
            "AMODELS_IMAGE": LOCATION,
            # The model server's own would be the same with vLLM.
            "AMODELS_SERVING_IMAGE": "amodels/gateway",
            "AMODELS_GATEWAY_COMMAND": "serve",
            "AMODELS_GATEWAY_PORT": str(self.port),
            "AMODELS_DOCKER_SOCKET": str(engine.socket),
            # More than the machine has are refused.
            "AMODELS_POSTGRES_CPUS": "1",
            "AMODELS_SERVING_CPUS": "1",
        }
        self.key = ""

    def make(self, target: str, *variables: str, fails: bool = False) -> str:
        """Run a target of the Makefile; what it prints."""
        done = subprocess.run(
            ["make", "--no-print-directory", target, *variables],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        said = f"{done.stdout}\n{done.stderr}"
        assert (done.returncode != 0) is fails, f"make {target}\n{said}\n{self.logs()}"
        return said

    def compose(self, *arguments: str) -> str:
        """Run Compose with the platform's files."""
        done = subprocess.run(
            [str(DEPLOY / "compose.sh"), *arguments],
            env=self.environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def up(self) -> None:
        """``make up``, of the services that there are images for."""
        self.make("up", f"SERVICES={' '.join(SERVICES)}")

    def logs(self) -> str:
        """The end of what the services said."""
        return "\n".join(
            subprocess.run(
                [str(DEPLOY / "compose.sh"), "logs", "--tail", "30", "--no-color"],
                env=self.environment, capture_output=True, text=True, check=False,
            ).stdout.splitlines()[-150:]
        )  # fmt: skip

    def sql(self, database: str, query: str) -> list[list[str]]:
        """Rows of a query, asked on PostgreSQL's own side."""
        found = self.compose(
            "exec", "-T", "postgres", "psql", "--username=postgres", f"--dbname={database}",
            "--tuples-only", "--no-align", "--field-separator=\t", f"--command={query}",
        )  # fmt: skip
        return [line.split("\t") for line in found.splitlines() if line]

    def new_key(self) -> str:
        """A key of the gateway's for all that is asked here."""
        self.key = self.compose(
            "exec", "-T", "gateway", "amodels-gateway", "keys", "create", "test",
            "--scope", "operate", "--scope", "catalog",
        ).splitlines()[-1]  # fmt: skip
        return self.key

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the gateway, the only service that can be reached from here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {
                "authorization": f"Bearer {self.key}", "content-type": "application/json"
            }  # fmt: skip
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status == 200, (answer.status, content[:500])
            return json.loads(content)
        finally:
            connection.close()

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask Dagster's web server behind the gateway."""
        asked = {"query": query, "variables": variables}
        answer = self.ask("POST", "/dagster/graphql", asked)
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        assert found["__typename"] != "PythonError", found
        return found

    def launch(self, job: str) -> str:
        """Launch a job; the run."""
        selector = {
            "repositoryLocationName": "amodels", "repositoryName": "__repository__", "jobName": job,
        }  # fmt: skip
        found = self.graphql(LAUNCH, parameters={"selector": selector, "runConfigData": {}})
        return found["run"]["runId"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs with certain tags of Dagster's."""
        wanted = [{"key": f"dagster/{name}", "value": value} for name, value in tags.items()]
        return self.graphql(RUNS, filter={"tags": wanted})["results"]

    def run(self, run_id: str) -> dict[str, Any]:
        """One run, its tags by name."""
        (found,) = self.graphql(RUNS, filter={"runIds": [run_id]})["results"]
        return {**found, "tags": {tag["key"]: tag["value"] for tag in found["tags"]}}

    def ended(self, run_id: str, seconds: float = 240) -> str:
        """How a run ended, once it has."""

        def look() -> str | None:
            status = self.run(run_id)["status"]
            return status if status in ENDED else None

        return until(look, f"the end of run {run_id}", seconds)

    def rest(self) -> None:
        """Wait until no run is at work or waits."""
        until(
            lambda: all(run["status"] in ENDED for run in self.graphql(RUNS, filter={})["results"]),
            "the end of all runs",
            240,
        )

    def said(self, name: str) -> list[dict[str, Any]]:
        """Lines that the ops of ``small_location`` wrote."""
        done = self.compose(
            "exec", "-T", "code-location", "sh", "-c", f"cat $AMODELS_HOME/test/{name} || true"
        )
        return [json.loads(line) for line in done.splitlines()]

    def touch(self, name: str) -> None:
        """Tell an op of ``small_location`` to go on."""
        self.compose("exec", "-T", "code-location", "touch", f"/var/lib/amodels/test/{name}")


def _overlay() -> dict[str, Any]:
    """The tests' code location in place of the platform's, and no Neo4j."""
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    words = [
        word.replace("amodels_assets.definitions", "tests.integration.deploy.container_location")
        for word in services["code-location"]["command"]
    ]
    assert words != services["code-location"]["command"]
    embedded = {"AMODELS_NEO4J_URL": ""}
    return {
        "services": {
            "code-location": {"command": words, "environment": embedded, "cpus": 1},
            "daemon": {"environment": embedded},
        }
    }
