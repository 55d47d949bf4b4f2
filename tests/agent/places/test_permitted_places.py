"""Which files clients may ask about."""

import pytest

from tests.agent.places.asked import LARGE_SECRET, hashing, question, write
from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import AccessPath
from vmfit_agent.content_directories import content_directory_complaint
from vmfit_agent.host import GuestsPlaces, Host
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.storage import permitted_places, system_directories
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.permitted_places import is_firmware


def test_data_directories_are_compared_as_ever(tmp_path):
    path = write(tmp_path / "any/where/disk.img")
    told = hashing().describe(str(path), hash_content=True)
    assert told.keyed_hash
    assert (told.size_bytes, told.mode) == (len(LARGE_SECRET), 0o600)
    assert len(hash_blocks(question(path), terms()).hashes) == 1
    assert PathInspector(Host()).header(str(path)).format == "raw"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", True),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", True),
        ("/usr/share/edk2-ovmf/x64/OVMF.fd", True),
        ("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", True),
        ("/usr/share/seabios/bios-256k.bin", True),
        ("/usr/lib/ipxe/qemu/pxe-virtio.rom", True),
        ("/usr/lib/xen-4.17/boot/hvmloader", True),
        ("/usr/libexec/xen/boot/hvmloader", True),
        ("/usr/local/share/qemu/edk2-x86_64-code.fd", True),
        ("/usr/lib/x86_64-linux-gnu/qemu/x", True),
        ("/usr/share/OVMF", False),
        ("/usr/share/qemuX/../../../etc/x", True),  # Never a resolved path.
        ("/usr/share/doc/x", False),
        ("/usr/bin/qemu-img", False),
        ("/srv/usr/share/OVMF/x", False),
    ],
)
def test_where_firmware_lies(path, expected):
    assert is_firmware(path) is expected


def test_paths_that_a_domain_of_this_host_uses(tmp_path, system):
    own, other = write(system / "a/own"), write(system / "b/other")
    inspector = hashing(used=[str(own)])
    assert inspector.describe(str(own), hash_content=True).keyed_hash
    assert not inspector.describe(str(other)).HasField("exists")
    host = Host()
    host.guests_places = lambda: GuestsPlaces(paths=frozenset((str(other),)))
    assert hashing(host).describe(str(other), hash_content=True).keyed_hash
    assert hash_blocks(question(other), terms(host=host)).size_bytes == len(LARGE_SECRET)
    assert access_path(AccessPath(path=str(other)), terms(host=host)).user_id >= 0


def test_where_this_hosts_guests_have_images(system):
    host, image = Host(), write(system / "images/new.img")
    deep, other = write(system / "images/deep/new.img"), write(system / "other/new.img")
    paths = [str(each) for each in (image, deep, other)]

    def told(places):
        host.guests_places = lambda: places
        return [PathInspector(host).describe(path).exists for path in paths]

    assert told(GuestsPlaces()) == [False, False, False]
    assert told(GuestsPlaces(pools=frozenset((str(system / "images"),)))) == [True, True, False]
    directories = GuestsPlaces(image_directories=frozenset((str(system / "images"),)))
    assert told(directories) == [True, False, False]


def test_a_pool_behind_a_link(tmp_path, system):
    write(system / "images/new.img")
    write(system / "secret")
    link = tmp_path / "pool"
    link.symlink_to(system / "images")
    (system / "images/way-out").symlink_to(system / "secret")
    host = Host()
    host.guests_places = lambda: GuestsPlaces(pools=frozenset((str(link),)))
    assert PathInspector(host).describe(f"{link}/new.img").exists
    assert not PathInspector(host).describe(f"{link}/way-out").HasField("exists")
    assert not PathInspector(host).describe(f"{link}/../system/secret").HasField("exists")


def test_what_an_image_of_a_domain_rests_on(tmp_path, system, monkeypatch):
    base, forbidden = write(system / "base"), write(tmp_path / "forbidden/x")
    monkeypatch.setattr(permitted_places, "NEVER", (str(tmp_path / "forbidden"),))
    monkeypatch.setattr(system_directories, "NEVER", (str(tmp_path / "forbidden"),))
    for used, below, exists in (
        (["/image"], base, True),
        ([], base, False),
        (["/image"], forbidden, False),
    ):
        inspector = PathInspector(Host(), used)
        inspector.rests_on("/image", str(below))
        assert inspector.describe(str(below)).exists is exists


def test_configured_directories_narrow(tmp_path, system):
    listed, other = write(tmp_path / "listed/x"), write(tmp_path / "other/x")
    inside = write(system / "inside/x")
    host = Host(content_directories=[f"{tmp_path}/listed/", str(system / "inside")])
    told = [PathInspector(host).describe(str(each)).exists for each in (listed, other, inside)]
    assert told == [True, False, True]
    with pytest.raises(Unanswerable, match="not below content_directories"):
        hash_blocks(question(other), terms(host=host))
    assert "not below content_directories" in PathInspector(host).describe(str(other)).error
    assert PathInspector(Host(content_directories=["/"])).describe(str(other)).exists
    assert not PathInspector(Host(content_directories=["/"])).describe("/etc/passwd").exists


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/srv/images", ""),
        ("/var/lib/images", ""),
        ("/", ""),
        ("images", "must be an absolute path"),
        ("", "must be an absolute path"),
        ("/srv/../etc", "without . and .."),
        ("/etc", "must not be below /etc"),
        ("/etc/images", "must not be below /etc"),
        ("/etcetera", ""),
    ],
)
def test_directories_that_may_be_configured(path, why):
    complaint = content_directory_complaint(path)
    assert why in complaint
    assert bool(complaint) == bool(why)
