"""Rows for the fact about the connection to the destination's libvirt."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases


def to(uri):
    return {"options.destination_uri": uri}


def listening(*ports):
    listed = [{"address": "0.0.0.0", "port": port} for port in ports]
    return {"destination.network.listening_ports": listed}


URI = to("qemu+tcp://beta/system")
P2P = {"options.peer_to_peer": True, **URI}


def reached(outcome):
    return {"probes.libvirt_port": {"host": "beta", "port": 16509, "answer": {"outcome": outcome}}}


LIBVIRT = [
    ("the client connects", {**URI, **listening(16509)}, "YES"),
    ("connects", {**P2P, **reached("CONNECT_OUTCOME_CONNECTED")}, "YES"),
    ("refused", {**P2P, **reached("CONNECT_OUTCOME_REFUSED")}, "NO"),
    ("no answer", {**P2P, **reached("CONNECT_OUTCOME_TIMED_OUT")}, "NO"),
    ("no such name", {**P2P, **reached("CONNECT_OUTCOME_UNRESOLVED")}, "NO"),
    ("an outcome of the future", {**P2P, **reached("CONNECT_OUTCOME_UNSPECIFIED")}, "NO_IDEA"),
    ("a client's connects", {**URI, **reached("CONNECT_OUTCOME_CONNECTED")}, "YES"),
    (
        "a client's is refused",
        {**URI, **listening(16509), **reached("CONNECT_OUTCOME_REFUSED")},
        "PROBABLY_NO",
    ),
    (
        "a client's is refused, as nobody listens",
        {**URI, **listening(22), **reached("CONNECT_OUTCOME_REFUSED")},
        "NO",
    ),
    ("not tried", {**P2P, **listening(16509)}, "PROBABLY_YES"),
    ("nothing at all listens", {**URI, **listening()}, "PROBABLY_NO"),
    ("what listens is not known", {**URI, "destination.network": None}, "YES"),
    ("nobody listens", {**URI, **listening(22)}, "NO"),
    ("nobody listens, to a peer either", {**P2P, **listening(22)}, "NO"),
    ("nobody listens at the address", {**listening(22), **to("qemu+tls://192.0.2.2/system")}, "NO"),
    (
        "nobody listens, if it is the host",
        {**listening(22), **to("qemu+tls://b/system")},
        "PROBABLY_NO",
    ),
    ("somebody listens", {**URI, **listening(16509)}, "YES"),
    ("SSH", {**listening(22), **to("qemu+ssh://beta/system")}, "YES"),
    (
        "connects although nobody seems to listen",
        {**P2P, **listening(22), **reached("CONNECT_OUTCOME_CONNECTED")},
        "YES",
    ),
    ("a UNIX socket", {**P2P, "options.destination_uri": "qemu+unix://beta/system"}, "YES"),
    ("this host", {**P2P, "options.destination_uri": "qemu:///system"}, "YES"),
]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("qemu+tcp://beta/system", "beta:16509"),
        ("qemu://beta/system", "beta:16514"),
        ("qemu+tls://[2001:db8::2]:4433/system", "2001:db8::2:4433"),
        ("qemu+ssh://root@beta/system", "beta:22"),
    ],
)
def test_where_libvirt_listens(uri, place):
    changes = {**P2P, **to(uri), "destination.network": None}
    found = finding("net.libvirt_reach", migration(changes))
    assert f"libvirt at {place} was not tried" in found.reason


TABLES = {"net.libvirt_reach": LIBVIRT}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
