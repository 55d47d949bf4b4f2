"""Open vSwitch's bridges and their ports: from the running database, or from its file."""

import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_DATABASE = "Open_vSwitch"
_REPLY_LIMIT_BYTES = 16 << 20
_TIMEOUT_SECONDS = 1.0
_MAGIC = "OVSDB JSON "

Row = Mapping[str, Any]


def read_bridges_from_socket(path: str) -> dict[str, list[str]]:
    """Return the ports of each bridge, sorted, from a running ovsdb-server.

    Ports do not contain the bridge's own. Takes at most a second.
    Raises OSError when the server does not answer, ValueError when its answer makes no sense.
    Source: RFC 7047, ovs-vswitchd.conf.db(5).
    """
    selections = [
        {"op": "select", "table": table, "where": [], "columns": columns}
        for table, columns in (("Bridge", ["name", "ports"]), ("Port", ["_uuid", "name"]))
    ]
    request = {"method": "transact", "params": [_DATABASE, *selections], "id": "bridges"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode())
        reply = _reply(connection, "bridges")
    result = reply.get("result")
    if reply.get("error") or not isinstance(result, list) or len(result) < 2:
        raise ValueError(f"ovsdb-server refuses: {str(reply.get('error'))[:120]}")
    bridges, ports = (_checked_rows(each) for each in result[:2])
    names = {_uuid(row.get("_uuid")): str(row.get("name", "")) for row in ports}
    return _ports_by_bridge(bridges, names)


def read_bridges_from_file(text: str) -> dict[str, list[str]]:
    """Return the same from a stand-alone database's file, which is a log of transactions.

    A last record that is cut short (the server was writing) is left out.
    Raises ValueError when it is no such file. Source: ovsdb(5).
    """
    tables = _tables(text)
    names = {uuid: str(row.get("name", "")) for uuid, row in tables["Port"].items()}
    return _ports_by_bridge(tables["Bridge"].values(), names)


def bridges_text(text: str) -> str:
    """Return a database's file that holds its bridges and ports, and nothing else of it.

    Others of its tables hold keys of tunnels. Raises ValueError when it is no such file.
    """
    tables = _tables(text)
    kept = {
        table: {
            uuid: {name: row[name] for name in ("name", "ports") if name in row}
            for uuid, row in rows.items()
        }
        for table, rows in tables.items()
    }
    return "".join(f"{_MAGIC}0 0\n{json.dumps(record)}\n" for record in ({}, kept))


def _tables(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of bridges and ports by UUID, as the log leaves them."""
    tables: dict[str, dict[str, dict[str, Any]]] = {"Bridge": {}, "Port": {}}
    for transaction in _records(text):
        for name, rows in tables.items():
            changes = transaction.get(name)
            if isinstance(changes, dict):
                _apply(rows, changes, is_diff=transaction.get("_is_diff") is True)
    return tables


def _reply(connection: socket.socket, request_id: str) -> Row:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    decoder, buffer, parsed = json.JSONDecoder(), "", 0
    received = bytearray()
    while time.monotonic() < deadline and len(received) < _REPLY_LIMIT_BYTES:
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise ConnectionError("ovsdb-server closed the connection")
        received += chunk
        if not received.endswith(b"}"):
            continue
        buffer = received.decode("utf-8", "replace")
        while parsed < len(buffer):
            try:
                message, parsed = decoder.raw_decode(buffer, parsed)
            except json.JSONDecodeError:
                break  # not all of it is here
            # Anything else is the server's own inactivity probe.
            if isinstance(message, dict) and message.get("id") == request_id:
                return message
    raise TimeoutError(f"ovsdb-server gave no answer within {_TIMEOUT_SECONDS:g} s")


def _records(text: str) -> Iterator[Row]:
    lines = iter(text.split("\n"))
    first = True
    for header in lines:
        if not header:
            continue
        if not header.startswith(_MAGIC):
            raise ValueError(f"no stand-alone Open vSwitch database: {header[:40]!r}")
        body = next(lines, "")
        try:
            record = json.loads(body)
        except (ValueError, RecursionError):
            return
        # The first record is the schema.
        if not first and isinstance(record, dict):
            yield record
        first = False


def _apply(rows: dict[str, dict[str, Any]], changes: Row, *, is_diff: bool) -> None:
    for uuid, change in changes.items():
        if not isinstance(change, dict):
            rows.pop(uuid, None)
            continue
        row = rows.setdefault(uuid, {})
        # Since 2.16 a record may hold what was added to or removed from a set.
        if is_diff and "ports" in row and "ports" in change:
            row["ports"] = _set(_uuids(row["ports"]) ^ _uuids(change["ports"]))
        else:
            row.update(change)


def _set(uuids: Iterable[str]) -> list[Any]:
    return ["set", [["uuid", uuid] for uuid in sorted(uuids)]]


def _checked_rows(result: object) -> list[Row]:
    rows = result.get("rows") if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f"ovsdb-server refuses: {str(result)[:120]}")  # noqa: TRY004 -- data
    return [row for row in rows if isinstance(row, dict)]


def _ports_by_bridge(bridges: Iterable[Row], names: Mapping[str, str]) -> dict[str, list[str]]:
    found = {}
    for row in bridges:
        name = str(row.get("name", ""))
        ports = (names.get(uuid, "") for uuid in _uuids(row.get("ports")))
        found[name] = sorted(port for port in ports if port and port != name)
    return found


def _uuid(value: object) -> str:
    return str(value[1]) if isinstance(value, list) and len(value) == 2 else ""


def _uuids(value: object) -> set[str]:
    # A set of one element is written as the element.
    if not isinstance(value, list) or len(value) != 2:
        return set()
    if value[0] == "set" and isinstance(value[1], list):
        return {_uuid(each) for each in value[1]}
    return {_uuid(value)} if value[0] == "uuid" else set()
