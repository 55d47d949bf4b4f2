"""Metrics over HTTP, of calls and of certificates; clients that do not behave."""

import socket
import time
from contextlib import ExitStack
from http.client import HTTPException
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from tests.certificates import LOOPBACK, Authority
from vmfit_contract.address import Address
from vmfit_contract.listening import ListenError
from vmfit_contract.metrics import exporter
from vmfit_contract.metrics.exporter import exporting
from vmfit_contract.metrics.process import new_registry
from vmfit_contract.metrics.rpcs import RpcMetrics
from vmfit_contract.serving.observer import EndedCall
from vmfit_contract.tls_files import TlsFiles


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    Gauge("answer", "The answer.", registry=registry).set(42)
    return registry


def read(address):
    with urlopen(f"http://{address}/metrics", timeout=10) as response:
        return response.read().decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_the_page(registry, host):
    with exporting(Address(host, 0), registry) as address:
        where = Address("127.0.0.1", address.port) if host == "::" else address
        assert "answer 42.0" in read(where)
    with pytest.raises(OSError, match="refused"):
        read(where)


def test_a_taken_address_is_named(registry):
    with exporting(Address("127.0.0.1", 0), registry) as address:
        told = f"127.0.0.1:{address.port}: cannot listen: Address"
        with pytest.raises(ListenError, match=told), exporting(address, registry):
            pass
    with (
        pytest.raises(ListenError, match="cannot listen"),
        exporting(Address("192.0.2.77", 16540), registry),
    ):
        pass


def hung_up(connection):
    connection.settimeout(10)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_silent_clients_take_few_places_and_not_for_long(registry, monkeypatch):
    monkeypatch.setattr(exporter._Handler, "timeout", 1.0)
    with exporting(Address("127.0.0.1", 0), registry) as address, ExitStack() as stack:
        place = (address.host, address.port)
        silent = [
            stack.enter_context(socket.create_connection(place))
            for _ in range(exporter.MAX_CONNECTIONS)
        ]
        time.sleep(0.3)
        began = time.monotonic()
        assert hung_up(stack.enter_context(socket.create_connection(place)))
        assert time.monotonic() - began < 0.5
        assert all(hung_up(each) for each in silent)
        assert "answer" in read(address)


def test_a_client_that_dawdles_is_ended(registry, monkeypatch):
    monkeypatch.setattr(exporter, "REQUEST_SECONDS", 1.0)
    with (
        exporting(Address("127.0.0.1", 0), registry) as address,
        socket.create_connection((address.host, address.port)) as dawdler,
    ):
        began = time.monotonic()
        try:
            while time.monotonic() - began < 10:
                dawdler.send(b"G")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "request_", [b"GET /" + b"x" * 200_000, b"\0" * 1000, b"POST / HTTP/9\r\n\r\n", b"GET\r\n\r\n"]
)
def test_garbage_costs_a_connection(registry, request_, capfd):
    with exporting(Address("127.0.0.1", 0), registry) as address:
        with socket.create_connection((address.host, address.port)) as connection:
            connection.sendall(request_ + b"\r\n\r\n")
            connection.settimeout(10)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
        assert "answer" in read(address)
    assert capfd.readouterr().err == ""


def test_a_page_says_nothing_of_the_interpreter(registry):
    with (
        exporting(Address("127.0.0.1", 0), registry) as address,
        urlopen(f"http://{address}/metrics", timeout=10) as response,
    ):
        assert "ython" not in str(response.headers)


def values(registry):
    with exporting(Address("127.0.0.1", 0), registry) as address:
        families = list(text_string_to_metric_families(read(address)))
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_calls_are_counted(registry):
    metrics = RpcMetrics(registry)
    for _ in range(3):
        metrics.began("/vmfit.v1.Comparator/Check", dict)
    path = "/vmfit.v1.Comparator/Check"
    metrics.ended(EndedCall(path, "OK", 0.02, "local"))
    metrics.ended(EndedCall(path, "DEADLINE_EXCEEDED", 7, "local"))
    found = values(registry)
    names = ("Check", "vmfit.v1.Comparator")
    assert found["vmfit_calls_under_way", *names] == 1
    assert found["grpc_server_handled_total", "OK", *names] == 1
    assert found["grpc_server_handled_total", "DeadlineExceeded", *names] == 1
    assert found["grpc_server_handling_seconds_count", *names] == 2


def test_certificates_and_version(tmp_path):
    files = Authority().write(tmp_path / "server", LOOPBACK)
    gone = TlsFiles(tmp_path / "gone.pem", *files[1:])
    found = values(new_registry("vmfit-agent", "0.1.0", lambda: [files, gone]))
    assert found["vmfit_build_info", "vmfit-agent", "0.1.0"] == 1
    name = "vmfit_certificate_expiry_timestamp_seconds"
    ends = found[name, str(files.certificate)] - time.time()
    assert 9 * 86400 < ends < 11 * 86400
    assert found[name, str(files.authority)] > time.time()
    assert found[name, str(gone.certificate)] == 0
    assert found["process_resident_memory_bytes",] > 1e6


def test_a_bug_costs_one_page_and_is_told(registry, caplog):
    class Broken:
        def collect(self):
            raise RuntimeError("a bug")

    broken = Broken()
    registry.register(broken)
    with exporting(Address("127.0.0.1", 0), registry) as address:
        with pytest.raises((OSError, HTTPException)):
            read(address)
        registry.unregister(broken)
        assert "answer" in read(address)
    assert "/metrics failed: RuntimeError: a bug" in caplog.text
