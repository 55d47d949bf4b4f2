"""Domain XML to typed VM: disks."""

import pytest

from tests.agent.domain_devices import with_devices


def disk(inner: str, attributes: str = "type='file' device='disk'"):
    return with_devices(f"<disk {attributes}>{inner}</disk>").disks[0]


def test_a_file_disk():
    found = disk(
        "<driver name='qemu' type='qcow2' cache='none' io='native'/>"
        "<source file='/i.qcow2' startupPolicy='optional'/>"
        "<target dev='vda' bus='virtio'/><readonly/><shareable/><serial>S1</serial><wwn>50</wwn>"
        "<alias name='virtio-disk0'/>"
    )
    assert (found.target, found.bus, found.device) == ("vda", "virtio", "disk")
    assert (found.cache, found.io, found.startup_policy) == ("none", "native", "optional")
    assert found.read_only
    assert found.shareable
    assert (found.serial, found.wwn, found.alias) == ("S1", "50", "virtio-disk0")
    assert (found.source.type, found.source.format, found.source.path.path) == (
        "file",
        "qcow2",
        "/i.qcow2",
    )


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("<seclabel model='dac' relabel='no'/>", True),
        ("<seclabel relabel='no'/>", True),
        ("<seclabel model='selinux' relabel='no'/>", False),
        ("<seclabel model='dac' relabel='yes'><label>+1:+1</label></seclabel>", False),
        ("", False),
    ],
)
def test_a_label_of_a_disk_may_keep_the_owner(label, kept):
    found = disk(f"<source file='/i'>{label}</source><target dev='vda'/>")
    assert found.owner_is_kept is kept


def test_the_default_cache_mode_is_no_cache_mode():
    assert not disk("<driver cache='default'/><target dev='vda'/>").HasField("cache")


@pytest.mark.parametrize("inner", ["", "<source/>", "<source startupPolicy='optional'/>"])
def test_an_empty_drive_has_no_source(inner):
    found = disk(f"{inner}<target dev='sda' bus='sata'/>", "type='file' device='cdrom'")
    assert found.device == "cdrom"
    assert not found.HasField("source")


@pytest.mark.parametrize(
    ("kind", "source", "path"),
    [
        ("block", "<source dev='/dev/sdb'/>", "/dev/sdb"),
        ("dir", "<source dir='/d'/>", "/d"),
        ("vhostuser", "<source type='unix' path='/s'/>", "/s"),
        ("vhostvdpa", "<source dev='/dev/vhost-vdpa-0'/>", "/dev/vhost-vdpa-0"),
        ("network", "<source protocol='nbd' name='x'/>", ""),
    ],
)
def test_where_the_path_stands(kind, source, path):
    assert disk(f"{source}<target dev='vda'/>", f"type='{kind}'").source.path.path == path


def test_network_disks():
    source = disk(
        "<source protocol='iscsi' name='iqn.2020-01.org:t/2' tls='yes'>"
        "<host name='h1' port='3260'/><host transport='unix' socket='/s'/>"
        "<initiator><iqn name='iqn.me'/></initiator></source><target dev='vda'/>",
        "type='network'",
    ).source
    assert (source.protocol, source.name) == ("iscsi", "iqn.2020-01.org:t/2")
    assert (source.hosts[0].name, source.hosts[0].port) == ("h1", 3260)
    assert (source.hosts[1].transport, source.hosts[1].socket) == ("unix", "/s")
    assert source.initiator_name == "iqn.me"
    assert source.tls


def test_volumes_and_nvme():
    volume = disk("<source pool='p' volume='v'/><target dev='vda'/>", "type='volume'").source
    assert (volume.pool, volume.volume) == ("p", "v")
    nvme = disk(
        "<source type='pci' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' "
        "function='0x0'/></source><target dev='vda'/>",
        "type='nvme'",
    ).source
    assert (nvme.pci_address, nvme.nvme_namespace) == ("0000:01:00.0", 1)


def test_backing_chain_and_mirror():
    found = disk(
        "<driver type='qcow2'/><source file='/top'/>"
        "<backingStore type='file'><format type='qcow2'/><source file='/mid'/>"
        "<backingStore type='network'><format type='raw'/><source protocol='nbd' name='e'/>"
        "<backingStore/></backingStore></backingStore>"
        "<mirror type='block' job='copy'><format type='raw'/><source dev='/dev/x'/></mirror>"
        "<target dev='vda'/>"
    )
    chain = [(one.type, one.format, one.path.path) for one in found.backing_chain]
    assert chain == [("file", "qcow2", "/mid"), ("network", "raw", "")]
    assert (found.mirror.type, found.mirror.path.path) == ("block", "/dev/x")


def test_a_chain_without_end_is_cut():
    deep = "<backingStore type='file'><source file='/x'/>" * 230 + "</backingStore>" * 230
    assert len(disk(f"<source file='/t'/>{deep}<target dev='vda'/>").backing_chain) == 200
