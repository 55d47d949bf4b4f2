"""Which unix sockets a disk's server is asked at."""

import os

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.host import DomainRecord, Host
from vmfit_agent.probes import disk_sockets
from vmfit_agent.probes.disk_sockets import disk_at_socket
from vmfit_agent.probes.network_rules import NotAllowed
from vmfit_agent.probes.unanswerable import Unanswerable

DISK = """<disk type='network' device='disk'><driver name='qemu' type='raw'/>
<source protocol='nbd' name=''><host transport='unix' socket='{}'/></source>
<target dev='vda' bus='virtio'/></disk>"""
BASE = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a'/>
<backingStore type='network'><format type='raw'/>
<source protocol='nbd' name=''><host transport='unix' socket='{}'/></source></backingStore>
<target dev='vda' bus='virtio'/></disk>"""
CHANNEL = """<channel type='unix'><source mode='connect' path='{}'/>
<target type='virtio' name='a'/></channel>"""


class Libvirt:
    uris = ("qemu:///system",)

    def __init__(self, devices):
        self.xml = f"<domain type='qemu'><name>a</name><devices>{devices}</devices></domain>"

    def connect(self, uri):
        return self

    def domains(self):
        return [
            DomainRecord("qemu:///system", "<broken", 1),
            DomainRecord("qemu:///system", self.xml, 1),
        ]


@pytest.fixture
def everything_exists(monkeypatch):
    monkeypatch.setattr(os.path, "lexists", lambda _: True)


def ask(path, configured=(), devices=None):
    host = Host() if devices is None else Host(libvirt=Libvirt(devices))
    source = StorageSource(
        type="network", protocol="nbd", hosts=[NetworkHost(transport="unix", socket=str(path))]
    )
    return disk_at_socket(source, terms(host=host, sockets=configured)).hosts[0].socket


@pytest.mark.parametrize(
    "path",
    ["/run/libvirt/nbd/a", "/run/libvirt/disk.sock", "/run/qemu-nbd/a", "/run/qemu.sock"],
)
@pytest.mark.usefixtures("everything_exists")
def test_usual_sockets(path):
    assert ask(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "/run/docker.sock",
        "/run/dbus/system_bus_socket",
        "/run/libvirt/libvirt-sock",
        "/run/libvirt/virtqemud-sock-ro",
        "/run/libvirt/qemu/channel/1-a/org.qemu.guest_agent.0",
        "/run/libvirt/qemu/swtpm/1-a-swtpm.sock",
        "/run/libvirt/../docker.sock",
        "/srv/images/nbd.sock",
        "/run/qemu/../dbus/system_bus_socket",
    ],
)
@pytest.mark.usefixtures("everything_exists")
def test_other_sockets(path):
    with pytest.raises(NotAllowed, match="probe_socket_directories does not allow"):
        ask(path)


def test_links_are_followed_before_it_is_judged(tmp_path):
    target = tmp_path / "elsewhere"
    target.touch()
    (tmp_path / "nbd").mkdir()
    link = tmp_path / "nbd" / "a"
    link.symlink_to(target)
    with pytest.raises(NotAllowed):
        ask(link, [f"{tmp_path}/nbd"])
    assert ask(link, [str(tmp_path)]) == str(target)


def test_configured_directories(tmp_path):
    (tmp_path / "a").touch()
    assert ask(tmp_path / "a", [str(tmp_path)]) == str(tmp_path / "a")
    with pytest.raises(NotAllowed):
        ask(tmp_path / "a", [f"{tmp_path}/a", f"{str(tmp_path)[:-1]}"])


def test_that_nothing_is_there_is_told_below_run_only(tmp_path):
    assert ask("/run/no-such-socket.sock") == "/run/no-such-socket.sock"
    assert ask(tmp_path / "none", [str(tmp_path)]) == str(tmp_path / "none")
    for path in (tmp_path / "none", "/home/none", "/root/none"):
        with pytest.raises(NotAllowed):
            ask(path)


@pytest.mark.parametrize("xml", [DISK, BASE])
@pytest.mark.parametrize("name", ["nbd.sock", 'it\'s & "that"'])
def test_a_socket_that_a_domain_of_this_host_has_its_disk_at(tmp_path, xml, name):
    path = tmp_path / name
    path.touch()
    written = str(path).replace("&", "&amp;").replace("'", "&apos;").replace('"', "&quot;")
    assert ask(path, devices=xml.format(written)) == str(path)
    with pytest.raises(NotAllowed):
        ask(path, devices=xml.format("/other"))


def test_what_a_domain_uses_otherwise_is_no_disks_server(tmp_path):
    path = tmp_path / "agent"
    path.touch()
    with pytest.raises(NotAllowed):
        ask(path, devices=CHANNEL.format(path))


def test_a_disk_of_several_servers_is_not_asked_at_sockets():
    hosts = [NetworkHost(transport="unix", socket="/run/qemu/a"), NetworkHost(name="127.0.0.1")]
    source = StorageSource(type="network", protocol="gluster", hosts=hosts)
    assert disk_sockets.is_by_socket(source)
    with pytest.raises(Unanswerable, match="several servers"):
        disk_at_socket(source, terms())
