"""What a message takes in memory, told before it is read."""

import pytest
from google.protobuf.message import DecodeError

from tests.bench.big_host import big_host
from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_contract.unfolding import TooLargeError, check_unfolded


def _refused(message, **bounds):
    with pytest.raises(TooLargeError) as caught:
        check_unfolded(message.SerializeToString(), type(message), **bounds)
    return str(caught.value)


def test_the_largest_host_fits():
    sizes = check_unfolded(big_host("first").SerializeToString(), Snapshot)
    assert sizes["domains.vms.cpu.expanded_features"] >= 40_000 * 48
    assert sum(sizes.values()) < 8 * 1024 * 1024


def test_elements_of_all_lists_of_a_kind_count_together():
    snapshot = Snapshot()
    for _ in range(40):
        disks = snapshot.domains.vms.add().disks
        for _ in range(500):
            disks.add()
    assert _refused(snapshot) == "domains.vms.disks: more than 16384"
    assert check_unfolded(snapshot.SerializeToString(), Snapshot, max_elements=20_000)


def test_texts_have_a_bound_of_their_own():
    snapshot = Snapshot()
    snapshot.cpu.features.extend(["x"] * 20_000)
    assert check_unfolded(snapshot.SerializeToString(), Snapshot)
    assert _refused(snapshot, max_texts=100) == "cpu.features: more than 100"


def test_entries_of_maps_count():
    snapshot = Snapshot()
    for number in range(20_000):
        snapshot.security.qemu_conf[str(number)] = ""
    assert _refused(snapshot) == "security.qemu_conf: more than 16384"


def test_the_whole_has_a_bound():
    request = CheckRequest()
    for _ in range(3000):
        request.vm.description.disks.add()
    complaint = "vm.description.disks: takes more than 100000 bytes in memory"
    assert _refused(request, max_bytes=100_000) == complaint


def test_depth_has_a_bound():
    snapshot = Snapshot()
    value = snapshot.attributes.values["site"].fields["x"]
    for _ in range(40):
        value = value.list_value.values.add()
    assert "nested more than 64 times" in _refused(snapshot)


@pytest.mark.parametrize("content", [b"\xff" * 10, b"\x0a\x05abc", b"\x0b"])
def test_what_is_no_message(content):
    with pytest.raises(DecodeError):
        check_unfolded(content, Vm)


def test_what_is_below_is_not_taken_for_a_message():
    # A text where the schema has a message: reading the message will refuse it.
    content = b"\xd2\x01\x02zz"
    with pytest.raises(DecodeError):
        Snapshot.FromString(content)
    with pytest.raises(DecodeError):
        check_unfolded(content, Snapshot)
