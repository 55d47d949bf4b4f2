"""Connections: TLS, plain text where it is allowed, or one line that says what to do."""

import grpc
import pytest

from tests.tls_material import TestAuthority
from vmfit_contract.address import Address, AddressError
from vmfit_contract.connector import Connector, FixedTls
from vmfit_contract.tls_files import ClientTls, TlsFiles

NETWORK, SOCKET = Address("192.0.2.1", 1), Address(path="/run/x.sock")


@pytest.fixture
def files(tmp_path):
    material = TestAuthority(tmp_path / "ca").client()
    return TlsFiles(material.certificate, material.key, material.authority)


def test_without_a_certificate_nothing_goes_over_the_network():
    connector = Connector()
    with pytest.raises(AddressError, match=r"192\.0\.2\.1:1.*TLS needs a certificate.*--insecure"):
        connector.connect(NETWORK)
    connector.connect(SOCKET).close()
    assert connector.credentials(SOCKET) is None


def test_with_a_certificate_everything_does_over_tls(files):
    connector = Connector(tls=ClientTls(files))
    assert connector.credentials(NETWORK) is connector.credentials(NETWORK)
    assert connector.credentials(SOCKET) is None
    connector.connect(NETWORK, "alpha.example").close()


def test_plain_text_is_warned_of_once(caplog):
    connector = Connector(insecure=True)
    assert connector.credentials(Address("localhost", 1)) is None
    assert caplog.messages == []
    for _ in range(2):
        assert connector.credentials(NETWORK) is None
    (line,) = caplog.messages
    assert line.startswith("--insecure: plain text to 192.0.2.1:1: whoever is on the way")


def test_errors_of_files_name_the_file(files):
    tls = ClientTls(files)

    class Failing:
        files = tls.files

        def credentials(self):
            return ClientTls(TlsFiles(files.certificate, files.key.with_name("gone"), files[2]))

    with pytest.raises(AddressError, match="gone: cannot be read: No such file"):
        Connector(tls=Failing()).connect(NETWORK)


def test_what_is_not_about_tls_is_not_looked_into(files, monkeypatch):
    def fail(*arguments):
        raise AssertionError

    monkeypatch.setattr("vmfit_contract.handshake.why_no_handshake", fail)
    connector = Connector(tls=ClientTls(files))
    nobody = Address("127.0.0.1", 9)
    with connector.connect(nobody) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/a/b")(b"", timeout=10)
    assert connector.explain(caught.value, nobody) == "unavailable: Connection refused"
    assert connector.explain(grpc.RpcError("odd"), nobody) == "odd"
    fixed = Connector(tls=FixedTls(grpc.ssl_channel_credentials()))
    assert fixed.explain(caught.value, nobody) == "unavailable: Connection refused"
