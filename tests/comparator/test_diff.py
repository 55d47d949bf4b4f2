"""Differences between two snapshots: sets, sequences, lists by key, units, volatility."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.comparator.builders import assign, destination_snapshot, source_snapshot
from vmfit.v1.comparator_service_pb2 import DifferenceKind
from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.differences.diff import diff, differs
from vmfit_comparator.differences.fields_of_facts import facts_touching
from vmfit_comparator.differences.snapshot_fields import PARTS, key_alternatives
from vmfit_comparator.facts import BUILT_IN


def changed(path, value):
    """Return the differences between a healthy host and itself with one change."""
    other = source_snapshot()
    assign(other, path, value)
    return list(diff(source_snapshot(), other).differences)


def kind(difference):
    return DifferenceKind.Name(difference.kind).removeprefix("DIFFERENCE_KIND_")


def test_a_host_is_as_itself():
    response = diff(source_snapshot(), source_snapshot(), include_volatile=True)
    assert list(response.differences) == []
    assert not differs(response)
    assert (response.left_host, response.right_host) == ("alpha", "alpha")


def test_units_are_for_people():
    (found,) = changed("memory.total_bytes", 64 << 30)
    assert (found.path, kind(found)) == ("memory.total_bytes", "CHANGED")
    assert (found.left, found.right) == ("32 GiB", "64 GiB")
    assert found.volatility == Volatility.VOLATILITY_STATIC


def test_rounding_never_hides_a_difference():
    (found,) = changed("memory.total_bytes", (32 << 30) - (1 << 20))
    assert (found.left, found.right) == ("32 GiB", "31.999 GiB")
    (found,) = changed("memory.total_bytes", (32 << 30) - 512)
    assert (found.left, found.right) == ("34359738368 bytes", "34359737856 bytes")


def test_other_units():
    (found,) = changed("cpu.tsc.frequency_hz", 2_200_000_000)
    assert found.right == "2.2 GHz"
    (found,) = changed("network.interfaces[0].mtu_bytes", 9000)
    assert found.right == "9000 bytes"


def test_sets_have_no_order():
    left, right = source_snapshot(), source_snapshot()
    del right.cpu.features[:]
    right.cpu.features.extend(reversed(left.cpu.features))
    assert not differs(diff(left, right))
    right.cpu.features.append("made-up")
    right.cpu.features.remove("sse2")
    (found,) = diff(left, right).differences
    assert (list(found.only_left), list(found.only_right)) == (["sse2"], ["made-up"])
    assert "cpu.features" in found.facts


def test_sequences_have_an_order():
    left, right = Snapshot(), Snapshot()
    left.kernel.command_line.extend(["quiet", "nosmt"])
    right.kernel.command_line.extend(["nosmt", "quiet"])
    (found,) = diff(left, right).differences
    assert (found.left, found.right) == ("quiet, nosmt", "nosmt, quiet")
    assert (list(found.only_left), list(found.only_right)) == ([], [])


def test_lists_by_key():
    left, right = Snapshot(), Snapshot()
    for name, mtu in (("br0", 1500), ("eth0", 1500)):
        left.network.interfaces.add(name=name, mtu_bytes=mtu)
    for name, mtu in (("eth0", 1500), ("br0", 9000), ("br1", 1500)):
        right.network.interfaces.add(name=name, mtu_bytes=mtu)
    found = {each.path: each for each in diff(left, right).differences}
    assert list(found) == ["network.interfaces[br0].mtu_bytes", "network.interfaces[br1]"]
    assert kind(found["network.interfaces[br1]"]) == "ONLY_RIGHT"
    assert "net.mtu" in found["network.interfaces[br0].mtu_bytes"].facts


def test_fields_joined_by_a_comma_identify_together():
    left, right = Snapshot(), Snapshot()
    for uri in ("qemu:///system", "qemu:///session"):
        left.libvirt_objects.networks.add(uri=uri, name="default", active=True)
        right.libvirt_objects.networks.add(uri=uri, name="default", active=uri.endswith("system"))
    (found,) = diff(left, right).differences
    assert found.path == "libvirt_objects.networks[qemu:///session,default].active"


def disks(*devices):
    snapshot = Snapshot()
    snapshot.block_devices.SetInParent()
    for fields in devices:
        snapshot.block_devices.devices.add(**({"type": "disk"} | fields))
    return snapshot


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        # The WWN decides, whatever the kernel calls the disk.
        ([{"name": "sda", "wwn": "5000"}], [{"name": "sdb", "wwn": "5000"}], ["[5000,disk].name"]),
        ([{"name": "sda", "wwn": "5000"}], [{"name": "sda", "wwn": "5001"}], ["only", "only"]),
        ([{"name": "sda", "serial": "A"}], [{"name": "sda", "serial": "B"}], ["only", "only"]),
        # What is not known on one side does not tell two disks apart.
        ([{"name": "sda", "wwn": "5000"}], [{"name": "sda"}], ["[5000,disk].wwn"]),
        ([{"name": "vda"}], [{"name": "vda"}], []),
        ([{"name": "vda"}], [{"name": "vdb"}], ["only", "only"]),
        # Partitions share their disk's WWN.
        (
            [
                {"name": "sda", "wwn": "5000"},
                {"name": "sda1", "wwn": "5000", "type": "partition", "partition_uuid": "p1"},
                {"name": "sda2", "wwn": "5000", "type": "partition", "partition_uuid": "p2"},
            ],
            [
                {"name": "sdb", "wwn": "5000"},
                {"name": "sdb2", "wwn": "5000", "type": "partition", "partition_uuid": "p2"},
                {"name": "sdb1", "wwn": "5000", "type": "partition", "partition_uuid": "p1"},
            ],
            ["[5000,disk].name", "[p1].name", "[p2].name"],
        ),
        # A copied partition table: only the names tell.
        (
            [{"name": "sda", "serial": "A"}, {"name": "sdb", "serial": "A"}],
            [{"name": "sdb", "serial": "A"}, {"name": "sda", "serial": "A"}],
            [],
        ),
    ],
)
def test_alternatives_of_a_key(left, right, expected):
    response = diff(disks(*left), disks(*right))
    found = [
        "only" if "ONLY" in kind(each) and each.path.endswith("]") else each.path
        for each in response.differences
    ]
    assert [each.removeprefix("block_devices.devices") for each in found] == expected


def test_every_element_appears_once_whatever_the_keys():
    names = st.sampled_from(["a", "b", "c", ""])
    device = st.fixed_dictionaries({"name": names, "wwn": names, "serial": names, "dm_uuid": names})

    @given(st.lists(device, max_size=5), st.lists(device, max_size=5))
    def check(left, right):
        one, other = disks(*left), disks(*right)
        paths = [each for each in diff(one, other).differences if each.path.endswith("]")]
        only = {
            side: sum(kind(each) == f"ONLY_{side}" for each in paths) for side in ("LEFT", "RIGHT")
        }
        assert len(left) - only["LEFT"] == len(right) - only["RIGHT"] >= 0
        assert not differs(diff(one, one))

    check()


def test_volatile_fields_only_when_asked():
    other = source_snapshot()
    other.memory.free_bytes += 1 << 30
    assert not differs(diff(source_snapshot(), other))
    (found,) = diff(source_snapshot(), other, include_volatile=True).differences
    assert (found.path, found.volatility) == ("memory.free_bytes", Volatility.VOLATILITY_VOLATILE)


def test_elements_of_a_volatile_list_come_and_go():
    left, right = Snapshot(), Snapshot()
    left.domains.vms.add(name="web", uuid="1")
    right.domains.SetInParent()
    assert not differs(diff(left, right))
    assert differs(diff(left, right, include_volatile=True))


def test_optional_fields_absent_on_one_side():
    (found,) = changed("identity.machine_id", None)
    assert (kind(found), found.right) == ("ONLY_LEFT", "")


def registers(*leaves):
    snapshot = Snapshot()
    kind = snapshot.cpu.core_kinds.add(first_cpu_id=0)
    for leaf, eax in leaves:
        kind.leaves.add(leaf=leaf, eax=eax, edx=1)
    return snapshot


def test_raw_registers_are_one_difference():
    left, right = registers((0, 1), (0x80000001, 2), (7, 3)), registers((0, 1), (0x80000001, 9))
    (found,) = diff(left, right).differences
    assert (found.path, kind(found)) == ("cpu.core_kinds[0].leaves", "CHANGED")
    # One of leaf 0x80000001, and all four of the leaf that only one has.
    assert found.summary == "5 of 12 registers differ; cpu.features says what they mean"
    assert (found.left, found.right) == ("", "")
    assert not differs(diff(left, left))
    (found,) = diff(left, registers()).differences
    assert (kind(found), found.left, found.summary) == ("ONLY_LEFT", "12 registers", "")
    equal = {each.path: each.left for each in diff(left, left, include_equal=True).differences}
    assert equal["cpu.core_kinds[0].leaves"] == "12 registers"


def test_raw_registers_in_hexadecimal_when_asked():
    left, right = registers((0, 1), (0x80000001, 26)), registers((0, 1), (0x80000001, 16))
    right.cpu.core_kinds[0].leaves.add(leaf=7, eax=16)
    changed, added = diff(left, right, include_raw=True).differences
    assert changed.path == "cpu.core_kinds[0].leaves[0x80000001,0x0].eax"
    assert (changed.left, changed.right) == ("0x1a", "0x10")
    assert added.path == "cpu.core_kinds[0].leaves[0x7,0x0]"
    assert added.right.startswith("leaf 0x7, ")
    left, right = Snapshot(), Snapshot()
    left.cpu.xsave.feature_mask, right.cpu.xsave.feature_mask = 7, 0x2E7
    (found,) = diff(left, right).differences
    assert (found.left, found.right) == ("0x7", "0x2e7")


def test_raw_fields_name_a_field_that_tells_what_they_mean():
    def check(plan):
        if plan.raw:
            fields = PARTS
            for name in plan.raw.split("."):
                fields = {each.name: each for each in fields[name].fields}
        return bool(plan.raw) + sum(map(check, plan.fields))

    assert sum(map(check, PARTS.values())) > 10


def test_who_reads_the_very_field_comes_first():
    whole, single = "net.bridge", "net.port_reach"
    catalogue, found = list(BUILT_IN), facts_touching("network.interfaces.addresses")
    assert catalogue.index(whole) < catalogue.index(single)
    assert found.index(single) < found.index(whole)


def test_maps_and_foreign_messages():
    left, right = Snapshot(), Snapshot()
    left.attributes.values["site"].update({"rack": "r1"})
    right.attributes.values["site"].update({"rack": "r2"})
    right.cpu.vulnerabilities["meltdown"] = "Mitigation: PTI"
    left.cpu.SetInParent()
    found = {each.path: each for each in diff(left, right).differences}
    assert found["attributes.values[site]"].left == '{"rack": "r1"}'
    assert kind(found["cpu.vulnerabilities[meltdown]"]) == "ONLY_RIGHT"


def test_brackets_in_a_key():
    left, right = Snapshot(), Snapshot()
    for side, startup in ((left, "manual"), (right, "automatic")):
        side.iscsi.nodes.add(target_name="iqn.t", portal="[fe80::1]:3260", startup=startup)
    (found,) = diff(left, right).differences
    assert found.path == "iscsi.nodes[iqn.t,[fe80::1]:3260].startup"


def test_a_part_that_one_side_lacks_is_unknown():
    left, right = source_snapshot(), source_snapshot()
    right.ClearField("iscsi")
    next(each for each in right.parts if each.name == "iscsi").error = "permission denied"
    left.iscsi.SetInParent()
    response = diff(left, right)
    (found,) = response.differences
    assert (found.path, kind(found)) == ("iscsi", "UNKNOWN")
    assert (found.left, found.right) == ("", "not collected: permission denied")
    assert differs(response)


def test_a_part_that_neither_side_has_is_no_difference():
    response = diff(Snapshot(), Snapshot(), parts=["iscsi"])
    assert [kind(each) for each in response.differences] == ["UNKNOWN"]
    assert not differs(response)
    assert list(diff(Snapshot(), Snapshot()).differences) == []


def test_parts_narrow_it():
    response = diff(source_snapshot(), destination_snapshot(), parts=["network"])
    assert {each.path.partition(".")[0] for each in response.differences} == {"network"}
    with pytest.raises(ValueError, match="no part 'cpus'"):
        diff(Snapshot(), Snapshot(), parts=["cpus"])


def test_equal_fields_when_asked():
    response = diff(source_snapshot(), source_snapshot(), include_equal=True)
    found = {each.path: each for each in response.differences}
    assert {kind(each) for each in found.values()} == {"EQUAL"}
    assert found["memory.total_bytes"].left == "32 GiB"
    assert not differs(response)


def test_keys_name_fields_that_exist():
    seen = set()

    def check(message, fields):
        for plan in fields:
            field = message.fields_by_name[plan.name]
            below = field.message_type
            if below is None or (message.full_name, plan.name) in seen:
                continue
            seen.add((message.full_name, plan.name))
            for names in plan.alternatives:
                assert set(names) <= set(below.fields_by_name), plan.name
            check(below, plan.fields)

    for name, plan in PARTS.items():
        check(Snapshot.DESCRIPTOR.fields_by_name[name].message_type, plan.fields)
    assert len(seen) > 50
    assert key_alternatives("wwn,type|name") == (("wwn", "type"), ("name",))


def test_every_field_has_a_volatility():
    def check(path, plan):
        assert plan.volatility, path
        for each in plan.fields:
            check(f"{path}.{each.name}", each)

    for name, plan in PARTS.items():
        check(name, plan)


def test_2000_block_devices_are_quick():
    def host(size):
        numbers = range(2000)
        return disks(*({"name": f"sd{i}", "wwn": f"5{i:x}", "size_bytes": size} for i in numbers))

    one, other = host(1 << 40), host(2 << 40)
    diff(one, one)
    began = time.process_time()
    response = diff(one, other)
    assert len(response.differences) == 2000
    assert time.process_time() - began < 1.0
