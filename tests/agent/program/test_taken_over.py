"""What somebody gains who has taken over the serving process: all that its socket can be told.

A real libvirt (its test driver) is behind the collecting process; its calls, files that are opened
and programs that are started are noted.
"""

import contextlib
import hashlib
import os
import random
import re
import shutil
import socket
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    GetSnapshotRequest,
    GetSnapshotResponse,
    ProbeRequest,
)
from vmfit.v1.probe_pb2 import (
    AccessPath,
    ConnectPort,
    HashBlocks,
    MeasureDirtyRate,
    OpenDisk,
    OpenListener,
    Probe,
    ReadDefinition,
    ResolveName,
)
from vmfit.v1.rpcs import COMPARATOR_RPCS, HOST_METADATA_RPCS
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_agent.calls import CallFailed, Status
from vmfit_agent.collect_socket import frames
from vmfit_agent.local_host import HostOptions, local_source
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_contract.access import Caller, Role

libvirt = pytest.importorskip("libvirt")

GARBLED = 400
URI = "test:///default"
EVERYTHING = Caller("dns:comparator.example", frozenset(Role))
SECRETS = ("/etc/shadow", "/etc/gshadow", "/root/.ssh/id_ed25519", "/proc/self/environ")
# What tells of libvirt's things and changes none of them; measuring is a question, too.
READING = re.compile(
    r"vir(Connect(Open|Close|Is|Get|List|NumOf|Baseline|Compare|Supports|SetKeepAlive|"
    r"RegisterCloseCallback|UnregisterCloseCallback|DomainXMLToNative|DomainEvent)|"
    r"(Domain|Network|StoragePool|StorageVol|Interface|NodeDevice|Secret|NWFilter|DomainSnapshot|"
    r"DomainCheckpoint)(Get|Is|Lookup|List|NumOf|Num$|Free|HasManagedSave|HasCurrent|XMLDesc|"
    r"MigrateGet|StartDirtyRateCalc)|Node(Get|List)|Event|GetVersion|RegisterErrorHandler|"
    r"(Reset|Get)LastError)"
)
# Seen in this process while `watching` is set: hooks cannot be taken away again.
WATCHING = threading.Event()
SEEN: list[tuple[str, str]] = []
CHANGING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.link",
             "os.symlink", "os.truncate", "os.setxattr", "shutil.rmtree"}  # fmt: skip
STARTING = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"}
WRITING = 0o3 | 0o100 | 0o1000 | 0o2000
PATH_ONLY = 0o10000000


def note(event, arguments):
    if not WATCHING.is_set():
        return
    if event == "open" and isinstance(arguments[0], str | bytes):
        flags = arguments[2]
        kind = "written" if flags & WRITING else "looked at" if flags & PATH_ONLY else "read"
        SEEN.append((kind, str(arguments[0])))
    elif event in CHANGING or event in STARTING:
        SEEN.append((event, str(arguments[0])))


class Noting:
    """libvirt's own module, whose calls are noted."""

    def __init__(self, module, called):
        self._module, self._called = module, called

    def __getattr__(self, name):
        function = getattr(self._module, name)
        if not name.startswith("vir") or not callable(function):
            return function

        def call(*arguments, **keywords):
            self._called.add(name)
            return function(*arguments, **keywords)

        return call


@pytest.fixture(scope="module", autouse=True)
def _hook():
    sys.addaudithook(note)
    yield
    WATCHING.clear()


@pytest.fixture
def called(monkeypatch):
    called = set()
    monkeypatch.setattr(libvirt, "libvirtmod", Noting(libvirt.libvirtmod, called))
    return called


@pytest.fixture
def taken(called, collect, tmp_path):
    """The collecting process's socket."""
    host = HostOptions(Path("/"), [URI], tmp_path).open()
    return collect(local_source(host, ProbeSettings()))[0]


@pytest.fixture
def program(tmp_path):
    """What leaves a mark when it is run."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n")
    program.chmod(0o755)
    return program


def definitions(program):
    disks = "".join(
        f"<disk type='file' device='disk'><source file='{path}'/><target dev='vd{letter}'/></disk>"
        for letter, path in zip("abcdef", (*SECRETS, program, "/dev/kmsg"), strict=True)
    )
    for kind in ("kvm", "qemu", "test"):
        yield f"""<domain type='{kind}'><name>x</name><memory>1024</memory><vcpu>1</vcpu>
            <os><type arch='x86_64' machine='q35'>hvm</type><loader>{SECRETS[0]}</loader>
            <nvram template='{SECRETS[1]}'>{program}.nvram</nvram><kernel>{SECRETS[0]}</kernel></os>
            <cpu mode='host-model'/><devices><emulator>{program}</emulator>{disks}
            <serial type='file'><source path='{program}.log'/></serial>
            <interface type='ethernet'><script path='{program}'/></interface></devices></domain>"""


def questions(program, nonce):
    yield "GetSnapshot", GetSnapshotRequest(parts=["hypervisor", "identity"])
    for vm in (
        {"name": "test"}, {"uuid": "6695eb01-f6a4-8304-79aa-97f2502e193f"}, {"name": "../x"},
        {"name_or_uuid": "test"}, *({"xml": xml} for xml in definitions(program)),
    ):  # fmt: skip
        for uri in (
            "",
            URI,
            f"qemu+ext:///system?command={program}",
            "qemu+ssh://localhost/system",
        ):
            request = DescribeVmRequest(**vm, connection_uri=uri, content_nonces=[nonce])
            yield "DescribeVm", request
    for path in (*SECRETS, str(program), "/etc", "/dev/ptmx", "/dev/kmsg"):
        yield from probes(
            access_path=AccessPath(path=path, write=True),
            hash_blocks=HashBlocks(path=path, nonces=[nonce], offsets=[0], block_bytes=16),
            open_disk=OpenDisk(source=StorageSource(type="file", path={"path": path})),
        )
    yield from probes(
        resolve_name=ResolveName(name="localhost"),
        open_listener=OpenListener(address="0.0.0.0", first_port=22, last_port=22, seconds=1),
        connect_port=ConnectPort(host="127.0.0.1", port=22),
        measure_dirty_rate=MeasureDirtyRate(uuid="6695eb01-f6a4-8304-79aa-97f2502e193f"),
        read_definition=ReadDefinition(xml=next(definitions(program))),
    )


def probes(**asked):
    for kind, question in asked.items():
        yield "Probe", ProbeRequest(probes=[Probe(**{kind: question})])


def say(address, method, message, seconds=20.0):
    """Send one frame, whatever stands in it; return the answer's status."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address.path)
        frames.limit_waiting(connection, receive=30, send=30)
        frames.send_request(connection, frames.Request(method, seconds, message, EVERYTHING))
        try:
            return 0, frames.receive_answer(connection)
        except CallFailed as failed:
            return failed.status, failed.message.encode()


def garbled(questions, count):
    """Return requests of which some bytes are others, under all names and none."""
    chance = random.Random(1)
    names = [*HOST_METADATA_RPCS, *COMPARATOR_RPCS, frames.HEALTH_METHOD, "", "virDomainCreate"]
    for _ in range(count):
        method, request = chance.choice(questions)
        message = bytearray(request.SerializeToString())
        for _ in range(chance.randint(1, 8)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        yield chance.choice([method, chance.choice(names)]), bytes(message)


def test_no_command_no_file_no_program(taken, called, program, tmp_path):
    identity = GetSnapshotRequest(parts=["identity"]).SerializeToString()
    _, first = say(taken, "GetSnapshot", identity)
    nonce = GetSnapshotResponse.FromString(first).content_nonce
    asked = list(questions(program, nonce))
    kinds = {each.WhichOneof("question") for name, request in asked if name == "Probe"
             for each in request.probes}  # fmt: skip
    assert kinds == {field.name for field in Probe.DESCRIPTOR.oneofs_by_name["question"].fields}
    SEEN.clear()
    WATCHING.set()
    answers = [say(taken, method, each.SerializeToString()) for method, each in asked]
    answers += [say(taken, *each, seconds=2.0) for each in garbled(asked, GARBLED)]
    WATCHING.clear()
    told = b"".join(answer for _, answer in answers)
    statuses = Counter(status for status, _ in answers)
    print(f"{len(answers)} requests, {len(called)} of libvirt's calls, {statuses}")  # noqa: T201
    assert statuses[0] > len(asked) / 4
    assert statuses[Status.INTERNAL] == 0
    # No command over libvirt, by whoever's definition.
    assert sorted(name for name in called if not READING.match(name)) == []
    # No program, and nothing written.
    programs = {what for kind, what in SEEN if kind in STARTING}
    assert programs <= {"qemu-img", shutil.which("qemu-img")}
    assert {what for kind, what in SEEN if kind == "written"} <= {os.devnull, "/dev/kvm"}
    assert [each for each in SEEN if each[0] in CHANGING] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collect.sock", "program"]
    # No file: neither read nor told of by its hash.
    assert [each for each in SEEN if each[0] == "read" and each[1].startswith(SECRETS)] == []
    for path in SECRETS:
        with contextlib.suppress(OSError):
            content = Path(path).read_bytes()
            assert hashlib.sha256(content).hexdigest().encode() not in told
    assert say(taken, "GetSnapshot", identity)[0] == 0
