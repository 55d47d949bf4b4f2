"""Who may call what: every RPC, by every role, of both services; health and reflection too."""

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from tests.boundary.servers import comparator, fake_agent
from tests.certificates import URN_COMPARATOR, Authority, dns
from vmfit.v1.rpcs import COMPARATOR_RPCS, HOST_METADATA_RPCS
from vmfit_contract.access import Role
from vmfit_contract.errors import cause_of
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.serving import reflection

SERVICES = {
    "agent": (fake_agent, HOST_METADATA_RPCS),
    "comparator": (comparator, COMPARATOR_RPCS),
}
# Everybody has one role, and nobody another by default.
ROLES = {role: (f"dns:{role}.example",) for role in Role}
DENIED = grpc.StatusCode.PERMISSION_DENIED


def outcome(channel, rpc, **options):
    """Call with an empty request; return the status."""
    kind = channel.unary_stream if rpc.response_streams else channel.unary_unary
    try:
        answer = kind(rpc.path)(b"", timeout=10, **options)
        if rpc.response_streams:
            next(answer)
            answer.cancel()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def refusal(channel, rpc):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(rpc.path)(b"", timeout=10)
    return cause_of(caught.value)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("role", [None, *Role])
def test_every_rpc_by_every_role(serve, tls, dial, name, role):
    make, rpcs = SERVICES[name]
    address, _ = serve(make, tls, ROLES)
    channel = dial(address, dns(f"{role or 'nobody'}.example"))
    for rpc in rpcs.values():
        if role is None and rpc is next(iter(rpcs.values())):
            assert refusal(channel, rpc) == Cause(
                Reason.ROLE_MISSING, {"caller": "dns:nobody.example", "role": str(rpc.role)}
            )
        may = role is Role.ADMINISTER or role == rpc.role
        assert (outcome(channel, rpc) is not DENIED) == may, (rpc.path, role)


@pytest.mark.parametrize("name", SERVICES)
def test_health_for_all_and_reflection_for_readers(serve, tls, dial, name):
    make, _ = SERVICES[name]
    address, _ = serve(make, tls, ROLES)
    for role in (None, *Role):
        channel = dial(address, dns(f"{role or 'nobody'}.example"))
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status
        assert next(health.Watch(health_pb2.HealthCheckRequest(), timeout=10)).status
        asked = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        for path in reflection.PATHS:
            ask = channel.stream_stream(path)
            if role in (Role.READ, Role.ADMINISTER):
                assert list(ask(iter((asked,)), timeout=10)), path
            else:
                with pytest.raises(grpc.RpcError) as raised:
                    list(ask(iter((asked,)), timeout=10))
                assert raised.value.code() is DENIED, path


@pytest.mark.parametrize("name", SERVICES)
def test_plain_text_has_every_role(serve, dial, name):
    make, rpcs = SERVICES[name]
    address, _ = serve(make, None, ROLES)
    for rpc in rpcs.values():
        assert outcome(dial(address, plain=True), rpc) is not DENIED


@pytest.mark.parametrize("name", SERVICES)
def test_clients_of_the_authority_only(serve, tls, dial, name):
    make, rpcs = SERVICES[name]
    address, _ = serve(make, tls)
    stranger = dial(address, dns("read.example"), issuer=Authority("another"))
    past = dial(address, dns("read.example"), days=-1)
    plain = dial(address, plain=True)
    for channel in (stranger, past, plain):
        codes = {outcome(channel, rpc) for rpc in rpcs.values()}
        assert codes == {grpc.StatusCode.UNAVAILABLE}


def test_by_default_an_agent_is_read_by_all_and_probed_by_comparators(serve, tls, dial):
    address, _ = serve(fake_agent, tls)
    anybody = dial(address, dns("printer.example"))
    own = dial(address, dns("cmp.example"), URN_COMPARATOR)
    denied = [rpc.method for rpc in HOST_METADATA_RPCS.values() if outcome(anybody, rpc) is DENIED]
    assert denied == [rpc.method for rpc in HOST_METADATA_RPCS.values() if rpc.role == Role.PROBE]
    assert DENIED not in {outcome(own, rpc) for rpc in HOST_METADATA_RPCS.values()}


def test_settings_say_who_probes_instead(serve, tls, dial):
    probing = {Role.PROBE: ("dns:*.cmp.example", "ip:192.0.2.7", "email:ops@example.org")}
    address, _ = serve(fake_agent, tls, probing)
    probe = HOST_METADATA_RPCS["Probe"]
    ip = x509.IPAddress(__import__("ipaddress").ip_address("192.0.2.7"))
    for names, may in (
        ((URN_COMPARATOR,), False),
        ((dns("cmp.example"),), False),
        ((dns("A.CMP.example"),), True),
        ((ip,), True),
        ((x509.RFC822Name("ops@example.org"),), True),
        ((x509.RFC822Name("ops@example.org.evil"),), False),
        ((), False),
    ):
        assert (outcome(dial(address, *names), probe) is not DENIED) == may, names


def test_denials_name_the_role_and_are_logged_a_few_times(serve, tls, dial, caplog):
    address, _ = serve(fake_agent, tls)
    probe = HOST_METADATA_RPCS["Probe"]
    channel = dial(address, dns("printer.example"))
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(probe.path)(b"", timeout=10)
    assert raised.value.details() == "dns:printer.example has not the role probe"
    for _ in range(50):
        outcome(channel, probe)
    lines = [line for line in caplog.messages if "dns:printer.example" in line]
    assert 1 <= len(lines) <= 5
    assert lines[0].startswith(f"{probe.path}: denied to dns:printer.example")


def test_other_roles_after_a_reload(serve, tls, dial):
    from vmfit_contract.identity import AGENT_ROLES, RoleRules  # noqa: PLC0415

    address, server = serve(fake_agent, tls)
    channel = dial(address, dns("a.example"))
    probe = HOST_METADATA_RPCS["Probe"]
    assert outcome(channel, probe) is DENIED
    server.reload(RoleRules(AGENT_ROLES, {Role.PROBE: ("dns:a.example",)}))
    assert outcome(channel, probe) is not DENIED
