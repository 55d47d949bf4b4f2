"""TLS files: which are used, what is wrong with them, and what happens when they change."""

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.certificates import LOOPBACK, Authority
from vmfit_contract.tls_files import (
    ClientTls,
    ServerTls,
    TlsError,
    TlsFiles,
    chosen_files,
    expiries,
)


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def files(authority, tmp_path):
    return authority.write(tmp_path / "server", LOOPBACK)


def test_settings_name_all_files_or_none(files, tmp_path):
    absent = TlsFiles(*(tmp_path / each for each in "abc"))
    assert chosen_files(*files, absent) == files
    assert chosen_files(None, None, None, files) == files
    assert chosen_files(None, None, None, absent) is None
    with pytest.raises(TlsError, match="belong together: tls_key and tls_ca missing"):
        chosen_files(files.certificate, None, None, files)


def test_default_files_that_are_not_this_users_are_named_and_not_used(files, monkeypatch, caplog):
    monkeypatch.setattr(os, "access", lambda path, _: path != files.key)
    assert chosen_files(None, None, None, files) is None
    assert f"{files.key}: this user may not read it" in caplog.text


def test_when_they_end(authority, tmp_path):
    files = authority.write(tmp_path, LOOPBACK, days=3)
    chain, ca = expiries(files)
    assert (chain.path, ca.path) == (files.certificate, files.authority)
    now = dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=2.9) < chain.not_after - now < dt.timedelta(days=3)
    assert dt.timedelta(days=9.9) < ca.not_after - now < dt.timedelta(days=10)


@pytest.mark.parametrize("which", ["certificate", "key", "authority"])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"nothing", ""), (b"x" * ((1 << 20) + 1), "larger than")],
)
def test_what_cannot_be_used_is_named(files, which, content, complaint):
    path = getattr(files, which)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for tls in (ServerTls, ClientTls):
        with pytest.raises(TlsError) as raised:
            tls(files)
        assert str(path) in str(raised.value)
        assert complaint in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_key_with_a_password_asks_nobody(files):
    key = load_pem_private_key(files.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    files.key.write_bytes(encrypted)
    with pytest.raises(TlsError, match="its key without a password"):
        ServerTls(files)


def test_anothers_key_is_refused(authority, files):
    files.key.write_bytes(authority.issue()[1])
    with pytest.raises(TlsError, match="not a certificate and its key"):
        ServerTls(files)


def test_a_clients_credentials_are_new_when_its_files_are(authority, files):
    tls = ClientTls(files)
    first = tls.credentials()
    assert tls.credentials() is first
    authority.write(files.certificate.parent, LOOPBACK)
    assert tls.credentials() is not first


class _Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


@pytest.fixture
def serve(files):
    tls = ServerTls(files)
    server = grpc.server(ThreadPoolExecutor(1), handlers=(_Echo(),))
    port = server.add_secure_port("127.0.0.1:0", tls.credentials())
    server.start()
    yield tls, port
    server.stop(None).wait()


def call(port, trusted, client):
    chain, key = client
    credentials = grpc.ssl_channel_credentials(trusted.pem, key, chain)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        return channel.unary_unary("/any/Method")(b"said", timeout=5)


def refused(port, trusted, client):
    with pytest.raises(grpc.RpcError) as raised:
        call(port, trusted, client)
    return raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_takes_renewed_certificates_without_a_restart(serve, files, authority, caplog):
    caplog.set_level("INFO")
    _, port = serve
    other = Authority("other")
    assert call(port, authority, authority.issue()) == b"said"
    assert refused(port, other, authority.issue())
    assert refused(port, authority, other.issue())
    other.write(files.certificate.parent, LOOPBACK)
    assert call(port, other, other.issue()) == b"said"
    assert refused(port, authority, authority.issue())
    assert caplog.text.count("and its key again") == 1


def test_half_a_renewal_leaves_the_server_as_it_was(serve, files, authority, caplog):
    tls, port = serve
    chain, key = Authority("other").issue(LOOPBACK)
    files.certificate.write_bytes(chain)
    for _ in range(3):
        assert call(port, authority, authority.issue()) == b"said"
    with pytest.raises(TlsError, match="not a certificate and its key"):
        tls.reload()
    assert caplog.text.count("stay in use") == 1
    files.key.write_bytes(key)
    tls.reload()
    assert refused(port, authority, authority.issue())
