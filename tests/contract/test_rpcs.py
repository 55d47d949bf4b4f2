"""The one table of RPCs, beside what protobuf says of the same files."""

import importlib

import pytest

from vmfit.v1 import (
    comparator_service_pb2,
    host_metadata_service_pb2,
    host_preparation_service_pb2,
    roles_pb2,
)
from vmfit.v1.rpcs import COMPARATOR_RPCS, HOST_METADATA_RPCS, HOST_PREPARATION_RPCS
from vmfit_contract.access import LOCAL, Caller, Role

SERVICES = [
    (comparator_service_pb2.DESCRIPTOR.services_by_name["Comparator"], COMPARATOR_RPCS),
    (host_metadata_service_pb2.DESCRIPTOR.services_by_name["HostMetadata"], HOST_METADATA_RPCS),
    (
        host_preparation_service_pb2.DESCRIPTOR.services_by_name["HostPreparation"],
        HOST_PREPARATION_RPCS,
    ),
]


@pytest.mark.parametrize(("service", "table"), SERVICES)
def test_the_table_says_what_the_contract_says(service, table):
    assert list(table) == [method.name for method in service.methods]
    for method in service.methods:
        rpc = table[method.name]
        number = method.GetOptions().Extensions[roles_pb2.role]
        assert (rpc.service, rpc.method) == (service.full_name, method.name)
        assert f"ROLE_{rpc.role.upper()}" == roles_pb2.Role.Name(number)
        assert rpc.path == f"/{service.full_name}/{method.name}"
        assert (rpc.request_streams, rpc.response_streams) == (
            method.client_streaming,
            method.server_streaming,
        )
        module = importlib.import_module(rpc.request_module)
        message = getattr(module, rpc.request.rpartition(".")[2])
        assert message.DESCRIPTOR is method.input_type


def _messages(descriptor, found):
    """Return the names of all messages that one can hold."""
    if descriptor.name not in found:
        found.add(descriptor.name)
        for field in descriptor.fields:
            if field.message_type is not None:
                _messages(field.message_type, found)
    return found


def test_what_hosts_hold_is_only_told_to_who_may_read():
    service, table = SERVICES[0]
    telling = {
        method.name
        for method in service.methods
        if _messages(method.output_type, set()) & {"Snapshot", "Difference"}
    }
    assert telling >= {"Diff", "GetHostSnapshot", "GetHostHistory", "FindTurn"}
    assert {table[name].role for name in telling} == {"read"}


def test_every_role_of_the_contract_is_a_role_of_callers():
    names = [name.removeprefix("ROLE_").lower() for name, _ in roles_pb2.Role.items()]
    assert names[1:] == list(Role)


def test_who_may_what():
    reader = Caller("dns:reader.example", frozenset({Role.READ}))
    assert reader.may(Role.READ)
    assert not any(reader.may(each) for each in Role if each is not Role.READ)
    administrator = Caller("dns:admin.example", frozenset({Role.ADMINISTER}))
    assert all(administrator.may(each) and LOCAL.may(each) for each in Role)
    assert not reader.is_gone()
