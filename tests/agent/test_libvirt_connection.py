"""The live connection, over libvirt's own test driver: no daemon, no root."""

import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from vmfit_agent.collectors import domains, hypervisor, libvirt_objects
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.virtualization import libvirt_connection as module
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt
from vmfit_agent.virtualization.libvirt_domains import find_domain

URI = "test:///default"

pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")


@pytest.fixture
def live():
    return LiveLibvirt([URI])


def test_what_a_connection_tells(live):
    connection = live.connect(URI)
    assert connection.driver() == "TEST"
    assert connection.libvirt_version() >= 9_000_000
    assert not connection.read_only
    assert "<capabilities>" in connection.capabilities()
    assert "policy='require' name='avx2'" in connection.expand_cpu(
        "<cpu><arch>x86_64</arch><model>Haswell</model></cpu>"
    )


def test_a_connection_is_opened_once_and_again_when_it_broke(live):
    first = live.connect(URI)
    assert live.connect(URI) is first
    first._connection.close()
    assert live.connect(URI) is not first


def test_domains(live):
    connection = live.connect(URI)
    (record,) = connection.domains()
    assert "<name>test</name>" in record.xml
    assert (record.state, record.persistent, record.uri) == (1, True, URI)
    assert record.snapshot_count == 0
    assert not record.jobs_known
    uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f"
    assert connection.domain("test").xml == connection.domain(uuid).xml == record.xml
    assert "<name>test</name>" in connection.migratable_xml(uuid)


@pytest.mark.parametrize("name", ["nobody", "6695eb01-f6a4-8304-79aa-97f2502e1930", ""])
def test_an_unknown_domain_is_none(live, name):
    assert live.connect(URI).domain(name) is None


def test_objects(live):
    connection = live.connect(URI)
    (pool,) = connection.objects("storage_pools")
    assert pool.active
    (network,) = connection.objects("networks")
    assert "<name>default</name>" in network.xml
    assert connection.objects("secrets") == []
    assert connection.objects("network_filters") == []


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("qemu+unix:///system?socket=/nonexistent", "cannot connect"),
        ("nonsense:///x", "cannot connect"),
        ("qemu+tcp://127.0.0.1:1/system", "cannot connect"),
    ],
)
def test_a_dead_daemon_is_said_at_once(uri, why):
    started = time.monotonic()
    with pytest.raises(LibvirtUnavailable, match=why) as raised:
        LiveLibvirt([uri]).connect(uri)
    assert str(raised.value).startswith(uri)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 3


def test_a_uri_that_is_not_configured(live):
    with pytest.raises(LibvirtUnavailable, match="not among the configured"):
        live.connect("qemu:///system")


def test_a_daemon_that_accepts_and_never_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("vmfit_agent.virtualization.libvirt_connection.OPEN_SECONDS", 0.3)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        uri = f"qemu+unix:///system?socket={path}"
        libvirt = LiveLibvirt([uri])
        with pytest.raises(LibvirtUnavailable, match="does not answer: no answer within"):
            libvirt.connect(uri)
        with pytest.raises(LibvirtUnavailable, match="does not answer an earlier attempt"):
            libvirt.connect(uri)


def test_without_the_library(live, monkeypatch):
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with pytest.raises(LibvirtUnavailable, match="libvirt Python module is not installed"):
        live.connect(URI)


def test_errors_are_not_printed_by_the_library():
    script = (
        "from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt\n"
        "c = LiveLibvirt(['test:///default']).connect('test:///default')\n"
        "c.domain('nobody'); c.objects('secrets')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert run.stderr == b""


def test_the_library_is_imported_by_connecting_only():
    script = (
        "import sys, vmfit_agent.virtualization.libvirt_connection, vmfit_agent.describe\n"
        "from vmfit_agent import collectors\n"
        "sys.exit('libvirt' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_test_driver_through_the_collectors(live):
    host = Host(libvirt=live)
    (connection,) = hypervisor.collect(host).connections
    assert (connection.uri, connection.driver, connection.error) == (URI, "TEST", "")
    assert not connection.domain_capabilities
    assert any("virConnectGetDomainCapabilities" in text for text in host.warnings)
    objects = libvirt_objects.collect(host)
    assert (objects.networks[0].bridge, objects.networks[0].forward_mode) == ("virbr0", "nat")
    assert objects.storage_pools[0].target_path == "/default-pool"
    (vm,) = domains.collect(host).vms
    assert (vm.name, vm.connection_uri, vm.disks[0].target) == ("test", URI, "vda")
    assert not vm.disks[0].source.path.HasField("exists")


@pytest.mark.parametrize("collect", [hypervisor.collect, libvirt_objects.collect, domains.collect])
def test_one_dead_uri_costs_the_others_nothing(collect):
    dead = "qemu+unix:///system?socket=/nonexistent"
    host = Host(libvirt=LiveLibvirt([dead, URI]))
    part = collect(host)
    assert URI in str(part)
    assert dead in str(part) + str(host.warnings)
    with pytest.raises(LibvirtUnavailable, match="cannot connect"):
        collect(Host(libvirt=LiveLibvirt([dead])))
    with pytest.raises(LibvirtUnavailable, match="no libvirt URI is configured"):
        collect(Host())


def test_a_call_does_not_wait_for_a_hanging_one_for_ever(live, monkeypatch):
    monkeypatch.setattr("vmfit_agent.virtualization.libvirt_connection.PATIENCE_SECONDS", 0.1)
    connection = live.connect(URI)
    with (
        connection._calls,
        pytest.raises(LibvirtUnavailable, match="does not answer an earlier call"),
    ):
        connection.capabilities()
    assert connection.capabilities()


def test_what_an_open_connection_does_not_list_is_not_nothing(live, monkeypatch):
    connection = live.connect(URI)

    def fail(kind):
        raise LibvirtUnavailable("it broke")

    monkeypatch.setattr(connection, "objects", fail)
    with pytest.raises(LibvirtUnavailable, match="it broke"):
        libvirt_objects.collect(Host(libvirt=live))


def test_without_a_socket_libvirt_is_not_even_loaded(tmp_path, monkeypatch):
    def refuse(uri):
        raise AssertionError(f"{uri}: loaded")

    monkeypatch.setattr(module, "_library", refuse)
    monkeypatch.setattr(module, "_SOCKET_DIRECTORIES", (str(tmp_path),))
    with pytest.raises(LibvirtUnavailable, match="cannot connect: no socket of a daemon"):
        module.LiveLibvirt(["qemu:///system"]).connect("qemu:///system")


@pytest.mark.parametrize(
    ("uri", "directories"),
    [
        ("qemu:///system", ["with-socket"]),
        # Built for other places: only libvirt itself knows.
        ("qemu:///system", ["nowhere"]),
        ("qemu:///session", ["empty"]),
        ("test:///default", ["empty"]),
    ],
)
def test_libvirt_is_asked_whenever_it_may_answer(tmp_path, monkeypatch, uri, directories):
    (tmp_path / "empty").mkdir()
    (tmp_path / "with-socket").mkdir()
    (tmp_path / "with-socket/virtqemud-sock").touch()
    places = tuple(str(tmp_path / name) for name in directories)
    monkeypatch.setattr(module, "_SOCKET_DIRECTORIES", places)
    module._require_daemon(uri)


@pytest.mark.parametrize(
    ("mib", "limit"), [(4, 4 << 20), (0, None), ((1 << 43) - 1, None), (None, None)]
)
def test_the_limit_of_a_domains_migrations(mib, limit):
    class Error(Exception):
        def get_error_code(self):
            return 3

    def speed():
        if mib is None:
            raise Error
        return mib

    libvirt = SimpleNamespace(
        libvirtError=Error,
        VIR_ERR_NO_DOMAIN=1,
        VIR_DOMAIN_XML_INACTIVE=2,
    )
    domain = SimpleNamespace(
        UUIDString=lambda: "a",
        state=lambda: (1, 1),
        XMLDesc=lambda _flags: "<domain/>",
        isPersistent=lambda: 0,
        listAllCheckpoints=list,
        snapshotNum=lambda: 0,
        migrateGetMaxSpeed=speed,
    )
    connection = SimpleNamespace(lookupByName=lambda _: domain, lookupByUUIDString=None)
    (record,) = find_domain(libvirt, connection, "u", "a").values()
    assert record.migration_limit_bytes_per_second == limit
