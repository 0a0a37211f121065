"""A server that speaks SAP HANA's wire protocol well enough for the real driver: not SAP HANA.

Belongs here: sessions, authentication (SCRAMSHA256), statements, results in pieces, large objects.
Does not belong here: what a statement means (``engine.py``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import struct
import sys
import threading
from pathlib import Path

from tests.hana.engine import Engine, Result
from tests.hana.errors import AUTHENTICATION_FAILED, EngineError
from tests.hana.reader import GrammarError
from tests.hana.values import (
    LOBS,
    NCLOB,
    SentLob,
    from_cesu,
    from_parameters,
    packed,
    to_cesu,
    to_result,
)
from tests.hana.wire import (
    MessageType,
    Part,
    PartKind,
    Request,
    fields,
    option,
    packed_fields,
    receive,
    reply,
)

USER, PASSWORD = "AMODELS", "Geheimes-Wort-1"
_METHOD = b"SCRAMSHA256"
_ROWS_AT_ONCE = 1000
_LAST, _NO_ROW, _CLOSED = 1, 8, 16
_NO_NAME = 0xFFFFFFFF
_OPTIONS = [
    option(1, 77), option(2, True), option(4, True), option(10, True), option(11, "SYS"),
    option(12, 8), option(14, True), option(15, 0), option(16, 8), option(17, 0), option(18, True),
    option(19, True), option(21, True), option(23, 8),
]  # fmt: skip


def main() -> None:
    """Serve sessions from a folder until somebody ends the process; a thread for each."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    listening = socket.create_server(("127.0.0.1", port))
    (folder / "port.new").write_text(str(listening.getsockname()[1]))
    (folder / "port.new").rename(folder / "port")
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_serve, args=(connection, folder), daemon=True).start()


def _serve(connection: socket.socket, folder: Path) -> None:
    session = _Session(connection, folder)
    try:
        with connection:
            session.serve()
    except (EOFError, OSError):
        # The client has gone.
        return
    finally:
        session.close()


class _Session:
    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self._connection, self._folder = connection, folder
        self._engine: Engine | None = None
        self._statements: dict[bytes, str] = {}
        self._results: dict[bytes, tuple[Result, int]] = {}
        self._lobs: dict[bytes, bytes] = {}
        self._next = 0
        self._waiting: _Waiting | None = None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.rollback()
            self._engine.close()

    def serve(self) -> None:
        self._connection.recv(14)
        # Product version 4.0, protocol version 4.1.
        self._connection.sendall(bytes.fromhex("0402000401000000"))
        while True:
            number, requests = receive(self._connection)
            for request in requests:
                try:
                    function, parts = self._answer(request)
                    session = 0 if self._engine is None else 1
                    message = reply(session, number, function, parts)
                except (EngineError, GrammarError) as error:
                    message = reply(1, number, 0, [_error(error)], error=True)
                self._connection.sendall(message)
                if request.type == MessageType.DISCONNECT:
                    return

    def _answer(self, request: Request) -> tuple[int, list[Part]]:
        if request.type == MessageType.AUTHENTICATE:
            return 0, [self._challenge(request)]
        if request.type == MessageType.CONNECT:
            return 14, self._connect(request)
        if self._engine is None:
            raise EngineError(AUTHENTICATION_FAILED, "authentication failed")
        answers = {
            MessageType.EXECUTE_DIRECT: self._direct,
            MessageType.PREPARE: self._prepare,
            MessageType.EXECUTE: self._execute,
            MessageType.FETCH_NEXT: self._fetch,
            MessageType.READ_LOB: self._read_lob,
            MessageType.WRITE_LOB: self._write_lob,
        }
        if request.type in answers:
            return answers[request.type](request)
        if request.type == MessageType.COMMIT:
            self._engine.commit()
            return 11, []
        if request.type == MessageType.ROLLBACK:
            self._engine.rollback()
            return 12, []
        # Statements and results that are dropped, and the end.
        return 18, []

    def _challenge(self, request: Request) -> Part:
        found = fields(_content(request, PartKind.AUTHENTICATION))
        self._name = found[0].decode()
        self._client = dict(zip(found[1::2], found[2::2], strict=True))[_METHOD]
        self._salt, self._nonce = os.urandom(16), os.urandom(48)
        challenge = packed_fields([self._salt, self._nonce])
        return Part(PartKind.AUTHENTICATION, packed_fields([_METHOD, challenge]))

    def _connect(self, request: Request) -> list[Part]:
        proof = fields(_content(request, PartKind.AUTHENTICATION))[2][3:]
        salted = hmac.digest(PASSWORD.encode(), self._salt, "sha256")
        key = hashlib.sha256(salted).digest()
        message = self._salt + self._nonce + self._client
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        claimed = bytes(a ^ b for a, b in zip(signature, proof, strict=True))
        if self._name != USER or not hmac.compare_digest(claimed, key):
            raise EngineError(AUTHENTICATION_FAILED, "authentication failed")
        self._engine = Engine(self._folder / "hana.sqlite", USER)
        return [
            Part(PartKind.AUTHENTICATION, packed_fields([_METHOD, b""])),
            Part(PartKind.CONNECT_OPTIONS, b"".join(_OPTIONS), len(_OPTIONS)),
        ]

    def _note(self, statement: str) -> None:
        with (self._folder / "statements.jsonl").open("a") as log:
            log.write(json.dumps(statement) + "\n")
        self._die(statement, after=False)

    def _die(self, statement: str, *, after: bool) -> None:
        """End the server as a power cut would, where a test asked for that."""
        deadly = self._folder / "dies_at.json"
        if not deadly.exists():
            return
        asked = json.loads(deadly.read_text())
        if asked["after"] != after or not statement.lstrip().startswith(asked["beginning"]):
            return
        asked["number"] -= 1
        if asked["number"] > 0:
            deadly.write_text(json.dumps(asked))
            return
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    def _direct(self, request: Request) -> tuple[int, list[Part]]:
        statement = from_cesu(_content(request, PartKind.COMMAND))
        self._note(statement)
        return self._outcome(self._run(statement, None, commit=request.commit))

    def _prepare(self, request: Request) -> tuple[int, list[Part]]:
        statement = from_cesu(_content(request, PartKind.COMMAND))
        parameters = self._run_parameters(statement)
        identifier = self._identifier()
        self._statements[identifier] = statement
        entries = b"".join(
            # Nullable, in.
            struct.pack("<bbbxIhhxxxx", 2, code, 1, 0xFFFFFFFF, min(length, 5000), scale)
            for code, length, scale in parameters
        )
        parts = [Part(PartKind.STATEMENT_ID, identifier)]
        if parameters:
            parts.append(Part(PartKind.PARAMETER_METADATA, entries, len(parameters)))
        return _function(statement), parts

    def _execute(self, request: Request) -> tuple[int, list[Part]]:
        statement = self._statements[_content(request, PartKind.STATEMENT_ID)]
        self._note(statement)
        part = request.part(PartKind.PARAMETERS)
        scales = [scale for _, _, scale in self._run_parameters(statement)]
        rows = from_parameters(part.content, scales, part.count) if part else None
        waiting = [
            (row, position, value)
            for row in rows or []
            for position, value in enumerate(row)
            if isinstance(value, SentLob)
        ]
        incomplete = {}
        for row, position, lob in waiting:
            if lob.complete:
                row[position] = _finished(lob)
            else:
                incomplete[self._identifier()] = (row, position, lob)
        if incomplete:
            self._waiting = _Waiting(statement, rows or [], incomplete, request.commit)
            return 15, [Part(PartKind.WRITE_LOB_REPLY, b"".join(incomplete), len(incomplete))]
        return self._outcome(self._run(statement, rows, commit=request.commit))

    def _write_lob(self, request: Request) -> tuple[int, list[Part]]:
        waiting = self._waiting
        if waiting is None:
            raise EngineError(2, "no large object is waited for")
        part = request.part(PartKind.WRITE_LOB_REQUEST)
        at = 0
        for _ in range(part.count if part else 0):
            locator, options, _, size = struct.unpack_from("<8sbqi", part.content, at)
            at += 21
            _, _, lob = waiting.lobs[locator]
            lob.data += part.content[at : at + size]
            lob.complete = bool(options & 4)
            at += size
        if not all(lob.complete for _, _, lob in waiting.lobs.values()):
            return 15, [Part(PartKind.WRITE_LOB_REPLY, b"".join(waiting.lobs), len(waiting.lobs))]
        for row, position, lob in waiting.lobs.values():
            row[position] = _finished(lob)
        self._waiting = None
        return self._outcome(self._run(waiting.statement, waiting.rows, commit=waiting.commit))

    def _read_lob(self, request: Request) -> tuple[int, list[Part]]:
        locator, offset, size = struct.unpack_from(
            "<8sqi", _content(request, PartKind.READ_LOB_REQUEST)
        )
        whole = self._lobs[locator]
        chunk, last = _piece(whole, locator, offset - 1, size)
        content = struct.pack("<8sbi3x", locator, 2 | (4 if last else 0), len(chunk)) + chunk
        return 16, [Part(PartKind.READ_LOB_REPLY, content)]

    def _fetch(self, request: Request) -> tuple[int, list[Part]]:
        identifier = _content(request, PartKind.RESULT_SET_ID)
        return 10, [self._rows(identifier)]

    def _run(self, statement: str, rows: list | None, *, commit: bool) -> Result:
        if self._engine is None:
            raise EngineError(AUTHENTICATION_FAILED, "authentication failed")
        result = self._engine.execute(statement, rows, commit=commit)
        self._die(statement, after=True)
        return result

    def _run_parameters(self, statement: str) -> list[tuple[int, int, int]]:
        if self._engine is None:
            raise EngineError(AUTHENTICATION_FAILED, "authentication failed")
        return self._engine.parameters(statement)

    def _outcome(self, result: Result) -> tuple[int, list[Part]]:
        if result.columns is None:
            # One number for each row of parameters.
            counts = struct.pack(f"<{len(result.affected)}i", *result.affected)
            return 2, [Part(PartKind.ROWS_AFFECTED, counts, len(result.affected))]
        identifier = self._identifier()
        self._results[identifier] = (result, 0)
        return 5, [
            Part(PartKind.RESULT_SET_METADATA, _metadata(result.columns), len(result.columns)),
            Part(PartKind.RESULT_SET_ID, identifier),
            self._rows(identifier),
        ]

    def _rows(self, identifier: bytes) -> Part:
        result, start = self._results[identifier]
        rows = result.rows[start : start + _ROWS_AT_ONCE]
        end = start + len(rows)
        self._results[identifier] = (result, end)
        content = b"".join(
            to_result(value, code, scale, lambda raw, code=code: self._keep(raw, code))
            for row in rows
            for value, (_, code, scale) in zip(row, result.columns or [], strict=True)
        )
        done = end >= len(result.rows)
        attributes = (_LAST | _CLOSED if done else 0) | (0 if result.rows else _NO_ROW)
        return Part(PartKind.RESULT_SET, content, len(rows), attributes)

    def _keep(self, raw: bytes, code: int) -> bytes:
        # The locator tells texts, whose pieces are counted in characters, from bytes.
        self._next += 1
        locator = struct.pack("<ib3x", self._next, code)
        self._lobs[locator] = raw
        return locator

    def _identifier(self) -> bytes:
        self._next += 1
        return struct.pack("<q", self._next)


class _Waiting:
    """Rows whose large objects have not come completely."""

    def __init__(self, statement: str, rows: list, lobs: dict, commit: bool) -> None:
        self.statement, self.rows, self.lobs, self.commit = statement, rows, lobs, commit


def _finished(lob: SentLob) -> object:
    return from_cesu(lob.data) if lob.type_code in LOBS and lob.type_code != 27 else lob.data


def _piece(whole: bytes, locator: bytes, offset: int, size: int) -> tuple[bytes, bool]:
    if locator[4] != NCLOB:
        return whole[offset : offset + size], offset + size >= len(whole)
    units = from_cesu(whole).encode("utf-16-le")
    part = units[2 * offset : 2 * (offset + size)]
    text = part.decode("utf-16-le", "surrogatepass")
    return to_cesu(text), 2 * (offset + size) >= len(units)


def _metadata(columns: list[tuple[str, int, int]]) -> bytes:
    names, entries = b"", b""
    for name, code, scale in columns:
        at = len(names)
        names += packed(to_cesu(name))
        entries += struct.pack("<bbhhxxIIII", 2, code, scale, 5000, 0xFFFFFFFF, 0xFFFFFFFF, at, at)
    return entries + names


def _function(statement: str) -> int:
    verb = statement.lstrip().split(None, 1)[0].upper()
    return {"INSERT": 2, "UPDATE": 3, "DELETE": 4, "SELECT": 5}.get(verb, 1)


def _content(request: Request, kind: int) -> bytes:
    part = request.part(kind)
    if part is None:
        raise EngineError(2, f"part {kind} is missing")
    return part.content


def _error(error: Exception) -> Part:
    number = error.number if isinstance(error, EngineError) else 257
    text = to_cesu(str(error))
    return Part(PartKind.ERROR, struct.pack("<iiib5s", number, 0, len(text), 1, b"HY000") + text)


if __name__ == "__main__":
    main()
