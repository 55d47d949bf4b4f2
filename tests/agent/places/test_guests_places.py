"""What is known of this host's own guests."""

from vmfit.v1.hypervisor_pb2 import LibvirtObjects, StoragePool
from vmfit.v1.vm_pb2 import Disk, Domains, Firmware, HostPath, StorageSource, Vm
from vmfit_agent.guests_places import KnownGuests, places_of
from vmfit_agent.host import GuestsPlaces


def vm_with(path, nvram=""):
    disk = Disk(source=StorageSource(type="file", path=HostPath(path=path)))
    return Vm(disks=[disk], firmware=Firmware(nvram=HostPath(path=nvram) if nvram else None))


def test_places_of_collected_parts():
    objects = LibvirtObjects(
        storage_pools=[
            StoragePool(type="dir", target_path="/vmstore/"),
            StoragePool(type="dir", target_path="/"),
            StoragePool(type="dir", target_path="/var"),
            StoragePool(type="rbd"),
        ]
    )
    domains = Domains(
        vms=[vm_with("/var/a/x.img", "/v/n.fd"), vm_with("/home/b.img"), vm_with("/home/a/x.img")]
    )
    places = places_of(objects, domains)
    assert places.paths == {"/var/a/x.img", "/v/n.fd", "/home/b.img", "/home/a/x.img"}
    assert places.image_directories == {"/var/a", "/v"}
    assert places.pools == {"/vmstore"}
    assert places_of(None, None) == GuestsPlaces()


def test_known_guests_are_worked_out_when_they_change():
    class Part:
        def __init__(self, message, digest):
            self.message = message
            self.status = type("Status", (), {"digest": digest})()

    parts = {"libvirt_objects": Part(None, ""), "domains": Part(Domains(), "1")}
    ages = []

    def collect(names, age, give_up_at):
        ages.append(age)
        return parts

    known = KnownGuests(collect)
    assert known() == GuestsPlaces()
    parts["domains"] = Part(Domains(vms=[vm_with("/a/b")]), "2")
    first = known()
    assert first.paths == {"/a/b"}
    assert known() is first
    assert ages == [5.0] * 3
