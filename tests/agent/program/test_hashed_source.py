"""An agent that tells hashes: parts, changes, definitions and questions."""

from pathlib import Path

import pytest

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    GetSnapshotResponse,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.host_pb2 import Identity
from vmfit.v1.storage_pb2 import BlockDevices
from vmfit_agent import cli
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host
from vmfit_agent.host_metadata import host_metadata
from vmfit_agent.sources.hashed import Hashed
from vmfit_agent.sources.in_process import InProcess
from vmfit_contract.access import LOCAL, Caller, Role
from vmfit_contract.masking.identifier_hashes import IdentifierHashes
from vmfit_contract.masking.site_key import make_site_key

SERIAL, MAC = "ZC1A2B3C4D", "52:54:00:ab:cd:ef"
LINK = f"/dev/disk/by-id/ata-ST4000NM_{SERIAL}"
XML = f"<domain><mac address='{MAC}'/></domain>"
READER = Caller("dns:reader", frozenset({Role.READ}))


class Counted:
    """A source of two parts; the disk's size is the number of collections."""

    def __init__(self):
        self.size, self.probed = 1, []
        collectors = {
            "identity": Collector(lambda _: Identity(machine_id="ab" * 16), None, (), 5.0),
            "block_devices": Collector(self.devices, None, (), 5.0),
        }
        inner = InProcess(Host(), collectors, self.describe, self.answer)
        self.hashes = IdentifierHashes(b"k" * 32)
        self.inner, self.source = inner, Hashed(inner, self.hashes)

    def devices(self, _):
        devices = BlockDevices()
        device = devices.devices.add(name="sda", serial=SERIAL, paths=["/dev/sda", LINK])
        device.size_bytes = self.size
        return devices

    def describe(self, request, host, caller):
        response = DescribeVmResponse(xml=XML, persistent_xml=XML)
        response.vm.nics.add(mac=MAC)
        return response

    def answer(self, probes, seconds, caller, case):
        self.probed += [each.access_path.path for each in probes]
        return ()


@pytest.fixture
def counted():
    return Counted()


def ask(source, known=None, max_age=None):
    return source.snapshot(("identity", "block_devices"), max_age, known or {})


def test_parts_have_digests_of_what_is_told(counted):
    first = ask(counted.source)
    assert SERIAL.encode() not in first.SerializeToString()
    assert first.identity.machine_id != "ab" * 16
    assert first.identifier_key == counted.hashes.key_name
    known = {status.name: status.digest for status in first.parts}
    plain = {status.name: status.digest for status in ask(counted.inner).parts}
    assert not set(known.values()) & set(plain.values())
    again = ask(counted.source, known)
    assert [status.unchanged for status in again.parts] == [True, True]
    assert not again.HasField("block_devices")
    assert ask(counted.source).block_devices == first.block_devices
    counted.size = 2
    counted.inner.invalidate(["block_devices"])
    changed = ask(counted.source, known)
    assert [status.unchanged for status in changed.parts] == [True, False]
    assert changed.block_devices.devices[0].size_bytes == 2
    assert changed.block_devices.devices[0].serial == first.block_devices.devices[0].serial


def test_a_watch_tells_hashes(counted):
    watch = counted.source.watch(("block_devices",), {})
    first = next(watch)
    assert SERIAL.encode() not in first.SerializeToString()
    assert first.block_devices == ask(counted.source).block_devices
    watch.cancel()


def test_only_who_may_ask_gets_the_definition(counted):
    request = DescribeVmRequest(name="guest")
    for caller, xml in ((LOCAL, XML), (READER, "")):
        response = counted.source.describe_vm(request, 1.0, caller)
        assert response.xml == response.persistent_xml == xml
        assert response.vm.nics[0].mac == counted.hashes.identifier(MAC) != MAC


def test_devices_are_asked_about_by_what_they_are_told_as(counted):
    told = ask(counted.source).block_devices.devices[0].paths
    assert LINK not in told
    request = ProbeRequest()
    for path in (*told, "/srv/image"):
        request.probes.add().access_path.path = path
    assert counted.source.probe(request, 1.0, LOCAL) == ProbeResponse()
    assert sorted(counted.probed) == [LINK, "/dev/sda", "/srv/image"]


def test_the_moment_of_an_answer_names_no_boot(counted):
    plain, hashed = (host_metadata(counted.inner, hashes, probes=False)
                     for hashes in (None, counted.hashes))  # fmt: skip
    boots = []
    for calls in (plain, hashed, hashed):
        answer = calls.answer("GetSnapshot", GetSnapshotRequest().SerializeToString(), 1.0, LOCAL)
        boots.append(GetSnapshotResponse.FromString(answer).moment.boot_id)
    assert boots[0] != boots[1] == boots[2]


def test_the_command_needs_a_key(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("vmfit_agent.settings.DEFAULT_PATH", tmp_path / "none.toml")
    root = Path(__file__).parents[2] / "hosts/epyc-four-nodes"
    ask = ["snapshot", "--root", str(root), "--part", "network", "--hash-identifiers"]
    assert cli.run(ask) == 3
    assert "needs a site_key_file" in capsys.readouterr().err
    make_site_key(tmp_path / "site.key")
    printed = []
    for _ in range(2):
        assert cli.run([*ask, "--site-key-file", str(tmp_path / "site.key")]) == 0
        printed.append([line for line in capsys.readouterr().out.split("\n") if '"mac"' in line])
    assert printed[0] == printed[1] != []
