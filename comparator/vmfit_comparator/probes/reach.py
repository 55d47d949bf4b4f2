"""What a case has to do with in the network: agents ask nothing beyond it."""

from collections.abc import Iterable, Sequence

from vmfit.v1.host_metadata_service_pb2 import ProbeCase
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.knowledge.host_addresses import own_names, parse_address
from vmfit_comparator.knowledge.libvirt_identities import (
    destination_libvirt_name,
    source_libvirt_name,
)
from vmfit_comparator.knowledge.migration_ways import destination_name

# The contract's limits.
_MAX_HOSTS = 512
_MAX_NAME_CHARACTERS = 253


def source_case(case: Case, hosts: Iterable[str], definition: str, *, is_domain: bool) -> ProbeCase:
    """Return what the source's agent is told; the guest is a domain of it, or a definition.

    `hosts` are the names and addresses by which the inventory knows both hosts.
    """
    if is_domain and case.vm.uuid:
        return ProbeCase(hosts=_hosts(case, hosts), uuid=case.vm.uuid)
    return _case(case, hosts, definition, case.vm)


def destination_case(case: Case, hosts: Iterable[str], definition: str) -> ProbeCase:
    """Return what the destination's agent is told; the guest is what would travel."""
    return _case(case, hosts, definition, case.incoming)


def _case(case: Case, hosts: Iterable[str], definition: str, vm: Vm) -> ProbeCase:
    names = _hosts(case, hosts)
    if definition:
        return ProbeCase(hosts=names, xml=definition)
    described = Vm(disks=vm.disks, character_devices=vm.character_devices)
    return ProbeCase(hosts=names, description=described)


def _hosts(case: Case, known: Iterable[str]) -> Sequence[str]:
    """Return what both hosts are called, the comparator's own names for them first.

    A migration URI is no name of a host: what it names must turn out to be an address of one.
    """
    told = (
        *known,
        destination_name(case),
        *sorted(own_names(case.destination, destination_libvirt_name(case))),
        *sorted(own_names(case.source, source_libvirt_name(case))),
    )
    names = dict.fromkeys(each.strip("[]").partition("%")[0] for each in told)
    return [each for each in names if _is_name(each)][:_MAX_HOSTS]


def _is_name(text: str) -> bool:
    if not 1 <= len(text) <= _MAX_NAME_CHARACTERS:
        return False
    return parse_address(text) is not None or all(each.isalnum() or each in "-._" for each in text)
