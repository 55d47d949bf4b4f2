"""A client with every role asks a running agent about the machine's own files, and learns nothing.

What is asked is of the machine that the test runs on; each answer is compared with the one about a
name beside it that does not exist.
"""

import itertools
import os
import re
import stat
from xml.sax.saxutils import escape, quoteattr

import pytest

from tests.agent.program.started_agent import StartedAgent
from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    GetSnapshotRequest,
    ProbeRequest,
)

SECONDS = 20
MOST = 48
AT_ONCE = 8
CLOSED = ("/etc", "/root", "/home", "/boot", "/proc", "/sys")
FILES_HIDDEN = ("/usr", "/var", "/run")
# Packages' firmware, and images.
TOLD = re.compile(
    r"/usr/.*/(?:qemu|ovmf|seabios|ipxe|kvm|xen|AAVMF|OVMF)|/var/lib/libvirt|/etc/qemu"
)
DEVICES = """
<disk type='file'><driver type='raw'/><source file={path}/><target dev='a'/></disk>
<disk type='file'><driver type='qcow2'/><source file={path}/><target dev='b'/></disk>
<filesystem type='mount'><source dir={path}/><target dir='x'/></filesystem>
<serial type='dev'><source path={path}/></serial>
<serial type='unix'><source mode='connect' path={path}/></serial>
<serial type='unix'><source mode='bind' path={path}/></serial>
<serial type='file'><source path={path}/></serial>
<serial type='pipe'><source path={path}/></serial>
<interface type='ethernet'><script path={path}/><rom file={path}/></interface>
<memory model='nvdimm'><source><path>{text}</path></source></memory>
"""


def entries(place, kinds):
    """Return some of what lies below a place, the same ones every time."""

    def found():
        for directory, names, files in os.walk(place):
            names.sort()
            # Processes come and go; the first has always been there.
            names[:] = [name for name in names if place != "/proc" or not name.isdecimal()][:40]
            for name in sorted([*names, *files]):
                path = f"{directory}/{name}"
                try:
                    mode = os.lstat(path).st_mode
                except FileNotFoundError:
                    continue  # Others of this machine made it, and took it away.
                # An emulator, or a script for a NIC, may be any program.
                is_told = TOLD.search(path) or (place == "/usr" and mode & 0o111)
                if stat.S_IFMT(mode) in kinds and path.isprintable() and not is_told:
                    yield path

    every = list(itertools.islice(found(), 5000))
    return every[:: max(len(every) // MOST, 1)][:MOST]


def without(message, path):
    """Return an answer's text without what names the path, and without what changes by itself."""
    text = str(message)
    for name in (path, escape(path)):
        text = text.replace(name, "@")
    return re.sub(r"available_(bytes|inode_count): \d+", "", text)


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    agent = StartedAgent(tmp_path_factory.mktemp("a"), options=("--probes-per-minute", "1000000"))
    with agent.dial() as stub:
        yield stub
    assert agent.end() == []


def answers(stub, paths):
    """Return what is told of each path, in every way to ask."""
    request = GetSnapshotRequest(parts=["clock"])
    nonce = stub.GetSnapshot(request, timeout=SECONDS).content_nonce
    told = []
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        devices = [DEVICES.format(path=quoteattr(each), text=escape(each)) for each in some]
        xml = f"<domain><name>g</name><devices>{''.join(devices)}</devices></domain>"
        request = DescribeVmRequest(xml=xml, content_nonces=[nonce])
        vm = stub.DescribeVm(request, timeout=SECONDS).vm
        probes = ProbeRequest()
        for each in some:
            block = {"path": each, "nonces": [nonce], "offsets": [0], "block_bytes": 512}
            probes.probes.add(hash_blocks=block)
            probes.probes.add(access_path={"path": each})
            probes.probes.add(access_path={"path": each, "write": True})
        results = stub.Probe(probes, timeout=SECONDS).results
        of_each = (vm.disks, vm.filesystems, vm.character_devices, vm.nics,
                   vm.memory.devices, results)  # fmt: skip
        counts = [len(each) // len(some) for each in of_each]
        assert counts == [2, 1, 5, 1, 1, 3]
        for number, path in enumerate(some):
            found = [
                message
                for messages, count in zip(of_each, counts, strict=True)
                for message in messages[number * count : (number + 1) * count]
            ]
            told.append([without(each, path) for each in found])
    return told


@pytest.mark.parametrize("place", [*CLOSED, *FILES_HIDDEN])
@pytest.mark.parametrize("way", ["{}", "/srv/..{}", "/proc/self/root{}"])
def test_what_is_there_is_told_as_what_is_not(stub, place, way):
    kinds = {stat.S_IFREG} if place in FILES_HIDDEN else {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
    paths = entries(place, kinds)
    if not paths:
        pytest.skip(f"{place} is empty")
    missing = [f"{path.rpartition('/')[0]}/no-such-name" for path in paths]
    told = answers(stub, [way.format(path) for path in paths])
    beside = answers(stub, [way.format(path) for path in missing])
    different = [path for path, one, other in zip(paths, told, beside, strict=True) if one != other]
    print(f"{len(paths)} paths below {place}, {len(different)} told of")  # noqa: T201
    assert different == []
    assert not any("keyed_hash" in each or "hashes:" in each for each in map(str, told))
