"""By which ways a path may lead to what it is."""

import os

import pytest

from tests.agent.places.asked import (
    hashing,
    write,
)
from vmfit_agent.host import GuestsPlaces, Host
from vmfit_agent.storage import system_directories
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.mountinfo import parse_mountinfo
from vmfit_agent.storage.seen_file import SeenFile


def test_links_out_of_images_places_are_followed(tmp_path, closed, system):
    """/home/vm may be a link to /srv/vm, and a pool be made of it."""
    image = write(tmp_path / "srv/vm/disk.img")
    for root in (closed, system):
        (root / "vm").symlink_to(tmp_path / "srv/vm")
        path = str(root / "vm/disk.img")
        assert PathInspector(Host()).describe(path).exists is (root is system)
        assert PathInspector(Host(), [path]).describe(path).exists
        host = Host()
        host.guests_places = lambda root=root: GuestsPlaces(pools=frozenset((str(root / "vm"),)))
        assert PathInspector(host).describe(path).size_bytes == image.stat().st_size
        listed = Host(content_directories=[str(root / "vm")])
        assert PathInspector(listed).describe(path).exists


def test_relative_backing_files_climb(system):
    write(system / "pool/base.img")
    (system / "pool/a").mkdir()
    host = Host()
    host.guests_places = lambda: GuestsPlaces(pools=frozenset((str(system / "pool"),)))
    assert PathInspector(host).describe(f"{system}/pool/a/../base.img").exists


@pytest.mark.parametrize(
    ("mounts", "path", "root"),
    [
        ("8:1 / /", "/srv/vm/a.img", ""),
        ("8:1 / /|8:1 /etc /srv/look", "/srv/look/shadow", "/etc"),
        ("8:1 / /|8:1 / /srv/root", "/srv/root/etc/shadow", "/etc"),
        ("8:1 / /|8:1 / /srv/root", "/srv/root/home/a/key", "/home"),
        ("8:1 / /|8:1 / /srv/root", "/srv/root/srv/a.img", ""),
        ("8:1 / /|8:1 /home /srv/homes", "/srv/homes/a/key", "/home"),
        ("8:1 / /|8:1 /home/vm /srv/vm", "/srv/vm/a.img", ""),
        ("8:1 / /|8:1 /root/vm /srv/vm", "/srv/vm/a.img", "/root"),
        ("8:1 /@ /|8:1 /@/etc/x /srv/x", "/srv/x/y", "/etc"),
        ("8:1 /deploy/1 /|8:1 / /sysroot", "/sysroot/deploy/1/etc/shadow", "/etc"),
        ("8:1 / /|8:2 / /data|8:2 /homes /home", "/data/homes/a/key", "/home"),
        ("8:1 / /|8:2 / /data|8:2 /homes /home", "/data/vm/a.img", ""),
        ("8:1 / /|8:2 /etc /srv/etc", "/srv/etc/x", ""),
    ],
)
def test_a_bind_mount_counts_for_what_it_shows(mounts, path, root):
    lines = [
        f"{number} 0 {device} {inside} {point} rw - ext4 d rw"
        for number, (device, inside, point) in enumerate(map(str.split, mounts.split("|")))
    ]
    table = parse_mountinfo("\n".join(lines) + "\n")
    assert system_directories.system_directory(path, table) == root


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("etc/shadow", False), ("root/key", False), ("home/a/key", False), ("var/log/x", False),
        ("srv/disk.img", True), ("disk.img", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("listed", [False, True])
def test_another_system_below_a_directory_is_a_system(tmp_path, path, told, listed):
    """A chroot, a container, a snapshot of the root, a backup."""
    write(tmp_path / "snapshot/etc/passwd")
    file, data = write(tmp_path / "snapshot" / path), write(tmp_path / "data" / path)
    host = Host(content_directories=[str(tmp_path)] if listed else [])
    described = hashing(host).describe(str(file), hash_content=True)
    told = told or (listed and not path.startswith(("etc", "root")))
    assert (described.exists, described.HasField("keyed_hash")) == (told, told)
    assert PathInspector(host).describe(str(data)).exists


def test_a_path_that_leads_elsewhere_after_the_look_changes_nothing(tmp_path, system):
    """The race between looking and opening, with the swap in between every time."""
    place, secret = write(tmp_path / "image", b"harmless" * 1024), write(system / "secret")
    with SeenFile(str(place)) as seen:
        place.unlink()
        place.symlink_to(secret)
        descriptor = seen.open()
    assert os.read(descriptor, 8) == b"harmless"
    os.close(descriptor)


def test_a_domains_image_that_became_a_link_into_closed_places(tmp_path, closed):
    """Who may write where an image is, a user of their own, is not the root that reads it."""
    secret = write(closed / "there/secret")
    image = tmp_path / "srv/disk.img"
    image.parent.mkdir()
    image.symlink_to(secret)
    found = hashing(used=[str(image)]).describe(str(image), hash_content=True)
    assert not found.HasField("exists")
    assert not found.HasField("keyed_hash")
    # What a domain itself names there is told of.
    assert hashing(used=[str(secret)]).describe(str(secret), hash_content=True).keyed_hash


def test_steps_beside_images_are_hidden(tmp_path, closed):
    """That a domain has an image in a home directory opens nothing else of it."""
    write(tmp_path / "srv/disk.img")
    write(closed / "there/own.img")
    host = Host()
    host.guests_places = lambda: GuestsPlaces(image_directories=frozenset((f"{closed}/there",)))
    (closed / "there/.ssh").mkdir()
    for name in (".ssh", "none"):
        path = f"{closed}/there/{name}/../../../srv/disk.img"
        assert not PathInspector(host).describe(path).HasField("exists")
