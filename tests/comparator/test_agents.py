"""Connections to agents: renewed certificates are used without a restart."""

import os
import time

import grpc
import pytest

from tests.comparator.builders import source_snapshot
from tests.comparator.tls_agents import TlsAgent, server_files
from tests.tls_material import TestAuthority
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.agents import Agents
from vmfit_contract.address import Address, parse_address
from vmfit_contract.connector import Connector, FixedTls
from vmfit_contract.tls_files import ClientTls


def until():
    return time.monotonic() + 10


def replace(material, by):
    """Put other files in the place of a certificate and its key, as a renewal does."""
    for old, new in ((material.key, by.key), (material.certificate, by.certificate)):
        os.replace(new, old)  # noqa: PTH105


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


def test_a_renewed_certificate_is_used_from_the_next_call_on(authority):
    expired, fresh = authority.comparator("old", days=-1), authority.comparator("new")
    agents = Agents(Connector(tls=ClientTls(server_files(expired))))
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        address = parse_address(agent.address, 1)
        with pytest.raises(AgentError, match="which expired on"):
            agents.client(address).identity(until())
        replace(expired, fresh)
        client = agents.client(address)
        assert client.identity(until()).identity.hostname
        assert agents.client(address) is client
    agents.close()


def test_what_was_known_of_a_host_survives_a_renewal(authority):
    first, second = authority.comparator("first"), authority.comparator("second")
    agents = Agents(Connector(tls=ClientTls(server_files(first))))
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        address = parse_address(agent.address, 1)
        agents.client(address).snapshot({}, until())
        replace(first, second)
        agents.client(address).snapshot({}, until())
    assert not agent.requests[0].known_digests
    assert agent.requests[-1].known_digests
    agents.close()


def test_half_a_renewal_changes_nothing(authority, caplog):
    material, other = authority.comparator("first"), authority.comparator("second")
    tls = ClientTls(server_files(material))
    agents = Agents(Connector(tls=tls))
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        address = parse_address(agent.address, 1)
        client = agents.client(address)
        material.key.write_bytes(other.key.read_bytes())
        before = tls.credentials()
        assert agents.client(address) is client
        assert client.identity(until()).identity.hostname
        assert tls.credentials() is before
    assert "the certificates read before stay in use" in caplog.text
    agents.close()


def test_hosts_with_names_of_their_own_are_hosts_of_their_own(authority):
    connector = Connector(tls=ClientTls(server_files(authority.comparator())))
    agents = Agents(connector)
    with TlsAgent(source_snapshot(), authority.agent("alpha.example")) as agent:
        address = parse_address(agent.address, 1)
        assert agents.client(address, None, "alpha.example").identity(until()).identity.hostname
        with pytest.raises(AgentError, match=r"is for 'alpha\.example', not for '127\.0\.0\.1'"):
            agents.client(address).identity(until())
    agents.close()


def test_a_refusal_is_looked_into_once_for_all(authority, monkeypatch):
    asked = []

    def why(address, files, name, seconds):
        asked.append(seconds)
        return "because"

    monkeypatch.setattr("vmfit_contract.handshake.why_no_handshake", why)
    connector = Connector(tls=ClientTls(server_files(authority.agent("no-client"))))
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        address = parse_address(agent.address, 1)
        client = Agents(connector).client(address)
        for _ in range(3):
            with pytest.raises(AgentError, match=r"^because$"):
                client.identity(until())
    assert len(asked) == 1
    assert 0 < asked[0] <= 2


def test_credentials_that_a_program_has_made(authority):
    material = authority.client()
    credentials = grpc.ssl_channel_credentials(
        material.authority.read_bytes(),
        material.key.read_bytes(),
        material.certificate.read_bytes(),
    )
    agents = Agents(Connector(tls=FixedTls(credentials)))
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        client = agents.client(parse_address(agent.address, 1))
        assert client.identity(until()).identity.hostname
    agents.close()


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("::", False),
        ("0.0.0.0", False),
        ("alpha", False),
        ("localhost.example", False),
        ("127.example", False),
        ("fd00::1", False),
        ("::2", False),
    ],
)
def test_loopback(host, is_loopback):
    assert Address(host, 1).is_loopback == is_loopback
