"""Open vSwitch: a database's file, and a server that answers, babbles or is silent."""

import json
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.device_tree import make_host
from vmfit_agent.collectors.network import collect
from vmfit_agent.networking import ovsdb
from vmfit_agent.networking.ovsdb import read_bridges_from_file, read_bridges_from_socket


def database(*records) -> str:
    return "".join(f"OVSDB JSON 1 {'0' * 40}\n{json.dumps(record)}\n" for record in records)


SCHEMA = {"name": "Open_vSwitch", "tables": {"Bridge": {}, "Port": {}}}
PORTS = {"p0": {"name": "br-int"}, "p1": {"name": "eth0"}, "p2": {"name": "vnet0"}}


def uuids(*names):
    return ["set", [["uuid", name] for name in names]]


@pytest.mark.parametrize(
    ("records", "bridges"),
    [
        ([SCHEMA], {}),
        ([SCHEMA, {"Port": PORTS, "Bridge": {"b": {"name": "br-int"}}}], {"br-int": []}),
        (
            [SCHEMA, {"Port": PORTS, "Bridge": {"b": {"name": "br-int", "ports": ["uuid", "p0"]}}}],
            {"br-int": []},
        ),
        (
            [
                SCHEMA,
                {"Port": PORTS, "Bridge": {"b": {"name": "br-int", "ports": ["uuid", "p0"]}}},
                {"Bridge": {"b": {"ports": uuids("p0", "p2", "p1")}}},
            ],
            {"br-int": ["eth0", "vnet0"]},
        ),
        (
            [
                SCHEMA,
                {"Port": PORTS, "Bridge": {"b": {"name": "br-int", "ports": uuids("p0", "p1")}}},
                {"_is_diff": True, "Bridge": {"b": {"ports": uuids("p1", "p2")}}},
            ],
            {"br-int": ["vnet0"]},
        ),
        (
            [
                SCHEMA,
                {"Port": PORTS, "Bridge": {"b": {"name": "a"}, "c": {"name": "d"}}},
                {"Bridge": {"b": None}},
            ],
            {"d": []},
        ),
    ],
)
def test_transactions_add_up(records, bridges):
    assert read_bridges_from_file(database(*records)) == bridges


def test_a_record_cut_short_is_left_out():
    text = database(SCHEMA, {"Bridge": {"b": {"name": "br0"}}}, {"Bridge": {"b": None}})
    assert read_bridges_from_file(text[:-10]) == {"br0": []}


def test_another_file_is_refused():
    with pytest.raises(ValueError, match="no stand-alone Open vSwitch database"):
        read_bridges_from_file("OVSDB CLUSTER 1 2\n{}\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["Bridge", "Port"]), st.dictionaries(st.text(), json_values))
)
def test_any_record_is_survived(record):
    read_bridges_from_file(database(SCHEMA, record, record | {"_is_diff": True}))


def test_a_recorded_host_has_its_bridges(tmp_path):
    text = database(SCHEMA, {"Port": PORTS, "Bridge": {"b": {"name": "br-int"}}})
    interface = {"sys/class/net/br-int/type": "1", "sys/class/net/ovs-system/type": "1"}
    host = make_host(tmp_path, {"etc/openvswitch/conf.db": text, **interface})
    part = collect(host)
    assert part.ovs_present
    assert [bridge.name for bridge in part.ovs_bridges] == ["br-int"]
    assert {each.type for each in part.interfaces} == {"openvswitch"}
    (tmp_path / "etc/openvswitch/conf.db").write_text("rubbish")
    host.warnings.clear()
    assert collect(host).ovs_present
    assert "no stand-alone" in host.warnings[0]


REPLY = {
    "id": "bridges",
    "error": None,
    "result": [
        {"rows": [{"name": "br-int", "ports": uuids("p0", "p1")}]},
        {"rows": [{"_uuid": ["uuid", key], **row} for key, row in PORTS.items()]},
    ],
}


@pytest.fixture
def serve(tmp_path):
    """Serve one connection with the given chunks, and return the socket's path."""
    listener = socket.socket(socket.AF_UNIX)
    path = str(tmp_path / "db.sock")
    listener.bind(path)
    listener.listen()
    done = threading.Event()

    def start(*chunks: bytes) -> str:
        def run():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for chunk in chunks:
                    connection.sendall(chunk)
                done.wait(10)

        threading.Thread(target=run, daemon=True).start()
        return path

    yield start
    done.set()
    listener.close()


def test_a_server_answers_in_pieces_after_a_probe(serve):
    answer = json.dumps(REPLY).encode()
    cut = answer.index(b"}") + 1
    probe = b'{"id":"echo","method":"echo","params":[]}'
    path = serve(probe + answer[:cut], answer[cut:])
    assert read_bridges_from_socket(path) == {"br-int": ["eth0"]}


@pytest.mark.parametrize(
    "reply", [{"error": "no database"}, {"result": []}, {"result": [{"error": "x"}, {}]}]
)
def test_a_refusal_is_an_error(serve, reply):
    path = serve(json.dumps({"id": "bridges", **reply}).encode())
    with pytest.raises(ValueError, match="ovsdb-server refuses"):
        read_bridges_from_socket(path)


@pytest.mark.parametrize("chunks", [(), (b'{"half":',), (b"}}}}",)])
def test_a_silent_or_babbling_server_costs_a_moment(serve, chunks, monkeypatch):
    monkeypatch.setattr(ovsdb, "_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(TimeoutError):
        read_bridges_from_socket(serve(*chunks))


def test_no_server(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_bridges_from_socket(str(tmp_path / "none.sock"))
