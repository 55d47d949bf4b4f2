"""What a comparator tells agents that a case has to do with."""

from tests.comparator.builders import migration
from vmfit_comparator.probes.reach import destination_case, source_case

CHANGES = {
    "destination.security.qemu_conf": {"migration_host": "[beta-mig]"},
    "options.migration_uri": "tcp://victim.example:49152",
    "options.disks_uri": "tcp://victim.example:49153",
    "options.destination_uri": "qemu+tls://victim.example/system",
}
KNOWN = ("beta-in-inventory", "203.0.113.9")


def test_both_hosts_by_all_their_names():
    case = migration(CHANGES)
    for found in (
        source_case(case, KNOWN, "", is_domain=True),
        destination_case(case, KNOWN, "<domain/>"),
    ):
        assert found.hosts[:3] == [*KNOWN, "beta-mig"]
        assert {"alpha", "beta", "192.0.2.1", "192.0.2.2"} <= set(found.hosts)
        assert not any("/" in each or each.startswith("[") for each in found.hosts)


def test_what_clients_say_names_no_host():
    case = migration(CHANGES)
    assert "victim.example" not in source_case(case, KNOWN, "", is_domain=False).hosts
    assert "victim.example" not in destination_case(case, KNOWN, "").hosts


def test_the_guest_is_a_domain_a_definition_or_a_description():
    case = migration({})
    assert source_case(case, (), "<a/>", is_domain=True).uuid == case.vm.uuid
    assert source_case(case, (), "<a/>", is_domain=False).xml == "<a/>"
    assert destination_case(case, (), "<a/>").xml == "<a/>"
    described = destination_case(case, (), "").description
    assert described.disks == case.incoming.disks
    assert not described.name


def test_a_host_that_says_too_much_or_nonsense_is_cut_short():
    many = [f"10.{n >> 8 & 255}.{n & 255}.1/24" for n in range(2000)]
    case = migration(
        {
            "destination.network.interfaces": [{"name": "eth0", "addresses": many}],
            "destination.identity.hostname": "a/b?c",
            "source.identity.hostname": "x" * 300,
        }
    )
    hosts = source_case(case, KNOWN, "", is_domain=False).hosts
    assert len(hosts) == 512
    assert hosts[:2] == list(KNOWN)
    assert not any("/" in each or len(each) > 253 for each in hosts)
