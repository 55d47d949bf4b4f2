import logging
import os

import pytest

from vmfit.v1.probe_pb2 import (
    AccessPath,
    ConnectPort,
    HashBlocks,
    MeasureDirtyRate,
    OpenDisk,
    OpenListener,
    Probe,
    ResolveName,
)
from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.host import Host
from vmfit_agent.probes.prober import Prober
from vmfit_agent.probes.validation import first_complaint
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_contract.access import EVERY_ROLE, Caller

UUID = "11111111-0000-4000-8000-000000000001"


def name(text="a", seconds=None):
    return Probe(resolve_name=ResolveName(name=text), timeout_seconds=seconds)


def listener(**more):
    return Probe(
        open_listener=OpenListener(**{"first_port": 1, "last_port": 2, "seconds": 1} | more)
    )


def connect(**more):
    return Probe(connect_port=ConnectPort(**{"host": "a", "port": 1} | more))


def disk(**more):
    return Probe(open_disk=OpenDisk(source={"type": "network", "protocol": "nbd"} | more))


def blocks(**more):
    values = {
        "path": "/a",
        "nonces": [CONTENT_NONCES.current()],
        "offsets": [0, 512],
        "block_bytes": 4096,
    }
    return Probe(hash_blocks=HashBlocks(**values | more))


def rate(**more):
    return Probe(measure_dirty_rate=MeasureDirtyRate(**{"uuid": UUID, "period_seconds": 1} | more))


def path(text):
    return Probe(access_path=AccessPath(path=text))


@pytest.mark.parametrize(
    ("probe", "field"),
    [
        (Probe(), "probes[0]"),
        (Probe(timeout_seconds=1), "probes[0]"),
        (name(seconds=0), "probes[0].timeout_seconds"),
        (name(seconds=10.1), "probes[0].timeout_seconds"),
        (name(seconds=float("nan")), "probes[0].timeout_seconds"),
        (name(seconds=float("inf")), "probes[0].timeout_seconds"),
        (name(""), "probes[0].resolve_name.name"),
        (name("a b"), "probes[0].resolve_name.name"),
        (name("a\0b"), "probes[0].resolve_name.name"),
        (name("a\nb"), "probes[0].resolve_name.name"),
        (name("a" * 254), "probes[0].resolve_name.name"),
        (name("user:word@a"), "probes[0].resolve_name.name"),
        (name("a/b"), "probes[0].resolve_name.name"),
        (name("a?b"), "probes[0].resolve_name.name"),
        (name("a%b"), "probes[0].resolve_name.name"),
        (name("a:1"), "probes[0].resolve_name.name"),
        (listener(first_port=0), "probes[0].open_listener.first_port"),
        (listener(first_port=65536, last_port=65536), "probes[0].open_listener.first_port"),
        (listener(last_port=65536), "probes[0].open_listener.last_port"),
        (listener(first_port=2, last_port=1), "probes[0].open_listener.last_port"),
        (listener(first_port=1, last_port=65), "probes[0].open_listener.last_port"),
        (listener(seconds=0), "probes[0].open_listener.seconds"),
        (listener(seconds=11), "probes[0].open_listener.seconds"),
        (listener(address="a b"), "probes[0].open_listener.address"),
        (connect(host=""), "probes[0].connect_port.host"),
        (connect(host="user:word@a"), "probes[0].connect_port.host"),
        (connect(port=0), "probes[0].connect_port.port"),
        (disk(type="file"), "probes[0].open_disk.source.type"),
        (disk(protocol=""), "probes[0].open_disk.source.protocol"),
        (disk(name="a\nb"), "probes[0].open_disk.source.name"),
        (disk(name="a" * 5000), "probes[0].open_disk.source.name"),
        (disk(initiator_name="\x1b"), "probes[0].open_disk.source.initiator_name"),
        (disk(hosts=[NetworkHost()] * 33), "probes[0].open_disk.source.hosts"),
        (disk(hosts=[NetworkHost(name="")]), "probes[0].open_disk.source.hosts[0].name"),
        (disk(hosts=[NetworkHost(name="a,b")]), "probes[0].open_disk.source.hosts[0].name"),
        (disk(hosts=[NetworkHost(name="u:w@a")]), "probes[0].open_disk.source.hosts[0].name"),
        (disk(hosts=[{"name": "a", "port": 70000}]), "probes[0].open_disk.source.hosts[0].port"),
        (disk(hosts=[{"transport": "unix", "socket": "a"}]),
         "probes[0].open_disk.source.hosts[0].socket"),
        (path(""), "probes[0].access_path.path"),
        (path("a/b"), "probes[0].access_path.path"),
        (path("/a\0"), "probes[0].access_path.path"),
        (path("/" + "é" * 2048), "probes[0].access_path.path"),
        (blocks(path="a"), "probes[0].hash_blocks.path"),
        (blocks(nonces=[b"n" * 16, b"n" * 15]), "probes[0].hash_blocks.nonces"),
        (blocks(nonces=[b"n" * 65]), "probes[0].hash_blocks.nonces"),
        (blocks(nonces=[]), "probes[0].hash_blocks.nonces"),
        (blocks(nonces=[b"n" * 16] * 1025), "probes[0].hash_blocks.nonces"),
        (blocks(offsets=range(0, 65 * 512, 512)), "probes[0].hash_blocks.offsets"),
        (blocks(offsets=[512, 512]), "probes[0].hash_blocks.offsets"),
        (blocks(offsets=[512, 0]), "probes[0].hash_blocks.offsets"),
        (blocks(offsets=[0, 513]), "probes[0].hash_blocks.offsets[1]"),
        (blocks(offsets=[(1 << 63) - 512]), "probes[0].hash_blocks.offsets[0]"),
        (blocks(block_bytes=0), "probes[0].hash_blocks.block_bytes"),
        (blocks(block_bytes=1), "probes[0].hash_blocks.block_bytes"),
        (blocks(block_bytes=1000), "probes[0].hash_blocks.block_bytes"),
        (blocks(block_bytes=131072), "probes[0].hash_blocks.block_bytes"),
        (rate(uuid="web"), "probes[0].measure_dirty_rate.uuid"),
        (rate(period_seconds=0), "probes[0].measure_dirty_rate.period_seconds"),
        (rate(period_seconds=6), "probes[0].measure_dirty_rate.period_seconds"),
    ],
)  # fmt: skip
def test_bad_questions(probe, field):
    complaint = first_complaint([probe])
    assert complaint is not None
    assert complaint[0] == field
    assert first_complaint([name(), probe])[0] == field.replace("[0]", "[1]", 1)


def test_good_questions():
    unix = {"transport": "unix", "socket": "/run/a"}
    good = [
        name("a" * 253, 10), name("ü.example"), listener(last_port=64), listener(address="::1"),
        connect(port=65535), connect(host="[fd00::1]"), connect(host="a_b.c-d."),
        disk(name="ü, x=y"),
        disk(hosts=[unix, {"name": "fd00::1"}]),
        path("/"), blocks(offsets=range(0, 64 * 512, 512)), blocks(nonces=[b"n" * 64] * 1024),
        blocks(block_bytes=65536), blocks(offsets=[]), rate(), rate(period_seconds=5),
    ]  # fmt: skip
    assert first_complaint(good) is None
    assert first_complaint([name()] * 64) is None
    assert first_complaint([name()] * 65)[0] == "probes"


def test_the_log_names_the_place_and_no_secret(caplog, tmp_path, free_port):
    (tmp_path / "disk").write_bytes(os.urandom(8192))
    source = StorageSource(type="network", protocol="ssh", name="/a?token=hidden")
    probes = [
        blocks(path=str(tmp_path / "disk"), nonces=[b"hidden-nonce-123"]),
        Probe(open_disk=OpenDisk(source=source)),
        connect(host="127.0.0.1", port=free_port),
        path("/a\nINFO: forged"),
        rate(),
    ]
    with caplog.at_level(logging.INFO, "vmfit_agent.probes"):
        Prober(Host()).answer(probes, 60, Caller("dns:asker\x1b.example\n", EVERY_ROLE))
    lines = [record.getMessage() for record in caplog.records]
    who = "probe for dns:asker\ufffd.example\ufffd: "
    assert lines[:3] == [
        f"{who}hash 2 blocks of '{tmp_path / 'disk'}'",
        f"{who}open 'ssh /a at the default place'",
        f"{who}connect to '127.0.0.1' port {free_port}",
    ]
    assert lines[4] == f"{who}dirty rate of domain '{UUID}' in 1 s"
    assert not any("hidden" in line or "\n" in line for line in lines)
    assert CONTENT_NONCES.current().hex() not in caplog.text
