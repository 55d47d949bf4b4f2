"""What a definition that names much costs: bounded in time and reading, and ended with its call."""

import threading
import time
from dataclasses import replace

import pytest

from tests.agent.places.asked import hashing, write
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host
from vmfit_agent.local_host import local_source
from vmfit_agent.sources import SourceUnavailable
from vmfit_agent.sources.in_process import MAX_DESCRIPTIONS
from vmfit_agent.storage import content_hash, host_path
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.look_allowance import CallerGone, LookAllowance
from vmfit_contract.access import LOCAL

KEY = bytes(32)
COUNT = 1024


def disks(places):
    found = "".join(f"<disk type='file'><source file='{place}'/></disk>" for place in places)
    return f"<domain><name>g</name><devices>{found}</devices></domain>"


@pytest.fixture
def slow(monkeypatch):
    """Looks that take long, counted."""
    looks = []
    look = host_path.look

    def slowly(path):
        looks.append(path)
        time.sleep(0.05)
        return look(path)

    monkeypatch.setattr(host_path, "look", slowly)
    return looks


def test_paths_beyond_the_time_are_not_looked_at(slow):
    inspector = PathInspector(Host(), allowance=LookAllowance(seconds=0.2))
    told = [inspector.describe(f"/srv/{number}") for number in range(COUNT)]
    assert len(slow) < 10
    assert told[0].exists is False
    assert told[-1].error == "not looked at: those before it took more than 0.2 s"
    assert inspector.header("/srv/x") is None
    assert inspector.allocated_bytes("/srv/x") is None


def test_a_description_ends_with_its_caller(slow):
    gone = threading.Event()
    source = local_source(Host())
    request = DescribeVmRequest(xml=disks(f"/srv/{number}" for number in range(COUNT)))
    caller = replace(LOCAL, is_gone=gone.is_set)
    errors = []

    def ask():
        try:
            source.describe_vm(request, 0.3, caller)
        except SourceUnavailable as error:
            errors.append(str(error))

    callers = [threading.Thread(target=ask) for _ in range(MAX_DESCRIPTIONS)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert len(errors) == MAX_DESCRIPTIONS
    gone.set()
    began = time.monotonic()
    source.describe_vm(DescribeVmRequest(xml="<domain><name>g</name></domain>"), 5.0, LOCAL)
    assert time.monotonic() - began < 1
    assert len(slow) < 100
    with pytest.raises(CallerGone):
        describe_vm(request, Host(), caller)


def test_reading_for_hashes_is_bounded(tmp_path, monkeypatch):
    read = []
    hash_content = content_hash._hash

    def counted(descriptor):
        read.append(descriptor)
        return hash_content(descriptor)

    monkeypatch.setattr(content_hash, "_hash", counted)
    allowance = LookAllowance(hashed_bytes=3 * 8192)
    inspector = PathInspector(Host(), content_key=KEY, allowance=allowance)
    files = [write(tmp_path / f"rom{number}", bytes(8192) + b"%d" % number) for number in range(9)]
    files += [write(tmp_path / f"small{number}", bytes(4096)) for number in range(9)]
    told = [inspector.describe(str(file), hash_content=True) for file in files]
    assert [bool(each.keyed_hash) for each in told[:3]] == [True, True, False]
    assert all(each.exists for each in told)
    assert len(read) <= 4


def test_a_definition_with_as_many_disks_as_may_be_is_described_in_time(tmp_path):
    places = [write(tmp_path / f"{number}.img", bytes(4096)) for number in range(COUNT)]
    request = DescribeVmRequest(xml=disks(places), content_nonces=[CONTENT_NONCES.current()])
    began = time.monotonic()
    vm = describe_vm(request, Host(), LOCAL).vm
    took = time.monotonic() - began
    print(f"{COUNT} images: {took:.2f} s")  # noqa: T201
    assert all(disk.source.path.exists and disk.source.virtual_size_bytes for disk in vm.disks)
    assert hashing().describe(str(places[0])).exists
    assert took < 10
