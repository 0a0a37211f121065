"""A server that speaks Bolt and Cypher, for the tests: ArcadeDB, which is compatible, not Neo4j."""

from __future__ import annotations

import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from tests.free_ports import free_ports

PASSWORD = "geheimes-wort"
DATABASE = "amodels"


class BoltServer:
    """An ArcadeDB server on a free port of the loopback interface, in a Java process of its own."""

    def __init__(self, folder: Path, password: str = PASSWORD) -> None:
        (folder / "log").mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.output = folder / "output.txt"
        self.port, self._http_port = free_ports(2)
        self.password = password
        self.url = f"bolt://root:{quote(password, safe='')}@127.0.0.1:{self.port}/{DATABASE}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers a query."""
        if self.process is not None and self.process.poll() is None:
            return
        spec = find_spec("arcadedb_embedded")
        if spec is None or spec.origin is None:
            raise RuntimeError("arcadedb-embedded is not installed")
        package = Path(spec.origin).parent
        settings = {
            "arcadedb.server.rootPath": self.folder,
            "arcadedb.server.rootPassword": self.password,
            "arcadedb.server.defaultDatabases": f"{DATABASE}[root]",
            "arcadedb.server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "arcadedb.server.httpIncomingHost": "127.0.0.1",
            "arcadedb.server.httpIncomingPort": self._http_port,
            "arcadedb.bolt.host": "127.0.0.1",
            "arcadedb.bolt.port": self.port,
        }
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(package / "jre" / "bin" / "java"),
                    "-Xmx1g",
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "--add-modules=jdk.incubator.vector",
                    "--enable-native-access=ALL-UNNAMED",
                    *(f"-D{name}={value}" for name, value in settings.items()),
                    "-cp",
                    str(package / "jars" / "*"),
                    "com.arcadedb.server.ArcadeDBServer",
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )
        self._wait()

    def _wait(self) -> None:
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError, Neo4jError

        deadline = time.monotonic() + 120
        url = f"bolt://127.0.0.1:{self.port}"
        driver = GraphDatabase.driver(
            url, auth=("root", self.password), max_transaction_retry_time=0, connection_timeout=30
        )
        with driver, driver.session(database=DATABASE) as session:
            while True:
                try:
                    session.run("RETURN 1 AS one").consume()
                    return
                except (DriverError, Neo4jError, OSError):
                    ended = self.process is None or self.process.poll() is not None
                    if ended or time.monotonic() > deadline:
                        raise RuntimeError(self.output.read_text()[-4000:]) from None
                    time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)
