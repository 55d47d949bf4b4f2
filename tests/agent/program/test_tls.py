"""Mutual TLS: who has a certificate of the authority is served, nobody else."""

import datetime as dt
import ipaddress

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit_agent.listening import ListenError
from vmfit_agent.server import AgentServer, TlsFiles
from vmfit_agent.service import HostMetadata
from vmfit_contract.address import Address

DAY = dt.timedelta(days=1)


def certificate(name, issuer=None):
    """Return (certificate, key); self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
    )
    return builder.sign(issuer_key, hashes.SHA256()), key


def pem(pair):
    return (
        pair[0].public_bytes(serialization.Encoding.PEM),
        pair[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@pytest.fixture
def authority():
    return certificate("authority")


@pytest.fixture
def files(authority, tmp_path):
    chain, key = pem(certificate("agent", authority))
    paths = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")
    paths.certificate.write_bytes(chain)
    paths.key.write_bytes(key)
    paths.authority.write_bytes(pem(authority)[0])
    return paths


def ask(address, authority, client):
    chain, key = pem(client) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(pem(authority)[0], key, chain)
    with grpc.secure_channel(address.target, credentials) as channel:
        request = GetSnapshotRequest(parts=["identity"])
        return HostMetadataStub(channel).GetSnapshot(request, timeout=10).snapshot


def test_only_clients_of_the_authority_are_served(fake, files, authority):
    server = AgentServer(HostMetadata(fake.source()))
    address = server.start(Address("127.0.0.1", 0), files)
    answer = ask(address, authority, certificate("comparator", authority))
    assert answer.identity.hostname == "alpha"
    for stranger in (None, certificate("stranger", certificate("another authority"))):
        with pytest.raises(grpc.RpcError) as raised:
            ask(address, authority, stranger)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    server.stop()


def test_unusable_files_are_named(fake, files):
    files.key.write_text("no key")
    with pytest.raises(
        ListenError, match=r"cert\.pem and .*key\.pem: not a usable certificate and its key"
    ):
        AgentServer(HostMetadata(fake.source())).start(Address("127.0.0.1", 0), files)
    files.key.unlink()
    with pytest.raises(ListenError, match=r"key\.pem: cannot be read: No such file"):
        AgentServer(HostMetadata(fake.source())).start(Address("127.0.0.1", 0), files)
