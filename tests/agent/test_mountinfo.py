"""The mount table: escapes, secrets, servers, and libvirt's idea of sharing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.storage.mountinfo import Export, export_of, parse_mountinfo


def mount(kind: str, source: str, options: str = "rw"):
    (entry,) = parse_mountinfo(f"36 25 0:40 / /mnt rw,noatime - {kind} {source} {options}\n")
    return entry


def test_a_line_with_optional_fields_and_escapes():
    text = (
        r"36 35 98:0 /sub\040dir /mnt/a\134b\011c rw,noatime shared:1 master:2 - ext3 /dev/a\040b "
        "rw,errors=continue,noatime\n"
    )
    (entry,) = parse_mountinfo(text)
    assert entry.mount_id == 36
    assert entry.device_number == "98:0"
    assert entry.root == "/sub dir"
    assert entry.mount_point == "/mnt/a\\b\tc"
    assert (entry.type, entry.source) == ("ext3", "/dev/a b")
    assert entry.options == ("errors=continue", "noatime", "rw")
    assert not entry.read_only


def test_a_missing_superblock_and_an_empty_source():
    first, second = parse_mountinfo(
        "1 1 0:2 / / rw - rootfs rootfs rw\n22 1 0:3 / /x rw - tmpfs  rw\n"
    )
    assert (first.type, second.source) == ("rootfs", "")


@pytest.mark.parametrize(("own", "superblock"), [("ro", "rw"), ("rw", "ro"), ("ro", "ro")])
def test_either_half_makes_a_mount_read_only(own, superblock):
    (entry,) = parse_mountinfo(f"1 1 8:1 / /x {own} - ext4 /dev/sda1 {superblock}\n")
    assert entry.read_only
    assert entry.options == ("ro",)


def test_secrets_stay_out():
    options = "rw,username=me,password=hunter2,Secret=abc,key=1,pass=x,credentials=/etc/c,secure"
    entry = mount("cifs", "//server/share", options)
    assert entry.options == ("noatime", "rw", "secure", "username=me")
    entry = mount("fuse.davfs", "https://me:hunter2@dav.example/x")
    assert entry.source == "https://me@dav.example/x"


@pytest.mark.parametrize(
    "line",
    ["nonsense", "1 2 3", "a b 8:1 / /x rw - ext4 /dev/sda1 rw", "1 1 8:1 / /x rw ext4 x rw"],
)
def test_a_malformed_line_is_quoted(line):
    with pytest.raises(ValueError, match="/proc/self/mountinfo: not a mount: '" + line[:5]):
        parse_mountinfo(line + "\n")


@pytest.mark.parametrize(
    ("kind", "source", "options", "export"),
    [
        ("nfs", "Server:/export/", "rw,addr=192.0.2.1", Export("server", "/export")),
        ("nfs4", "server.:/", "rw", Export("server", "/")),
        ("nfs4", "[fe80::1%eth0]:/a:/b", "rw", Export("fe80::1%eth0", "/a:/b")),
        ("nfs", "2001:db8::7:/data", "rw", Export("2001:db8::7", "/data")),
        ("nfs", "none", "rw", None),
        ("nfs", ":/x", "rw", None),
        ("cifs", "//Srv/Share/sub/", "rw", Export("srv", "Share/sub")),
        ("smb3", r"\134\134srv\134share", "rw", Export("srv", "share")),
        ("cifs", "//srv", "rw", None),
        ("fuse.glusterfs", "g1:gv0", "rw", Export("g1", "gv0")),
        ("fuse.glusterfs", "g1,g2:/gv0/dir", "rw", Export("g1,g2", "gv0/dir")),
        ("fuse.glusterfs", "[2001:db8::1]:/gv0", "rw", Export("2001:db8::1", "gv0")),
        ("ceph", "m1:6789,[2001:db8::2]:6789:/", "rw", Export("m1:6789,[2001:db8::2]:6789", "/")),
        (
            "ceph",
            "vm@0bdf1f3c-3b1c-4c6a-9f0e-0a1b2c3d4e5f.cephfs=/vms/",
            "rw,mon_addr=192.0.2.1:3300/192.0.2.2:3300",
            Export(
                "192.0.2.1:3300,192.0.2.2:3300",
                "cephfs:/vms",
                "0bdf1f3c-3b1c-4c6a-9f0e-0a1b2c3d4e5f",
            ),
        ),
        ("ceph", "vm@.cephfs=/", "rw,fsid=0bdf", Export(None, "cephfs:/", "0bdf")),
        ("9p", "tag", "rw,trans=virtio", Export(None, "tag")),
        ("9p", "192.0.2.9", "rw,trans=tcp,aname=/x", Export("192.0.2.9", "/x")),
        ("ext4", "/dev/sda1", "rw", None),
        ("fuse.sshfs", "me@host:/x", "rw", None),
    ],
)
def test_server_and_export(kind, source, options, export):
    assert export_of(mount(kind, source, options)) == export


@pytest.mark.parametrize(
    ("kind", "shared", "may_hang"),
    [
        *((kind, True, True) for kind in ("nfs", "nfs4", "gfs2", "ocfs2", "afs", "cifs", "smb3")),
        *((kind, True, True) for kind in ("ceph", "gpfs", "acfs", "beegfs")),
        *((kind, True, True) for kind in ("fuse.glusterfs", "fuse.quobyte")),
        *((kind, False, True) for kind in ("fuse.ceph", "fuse.sshfs", "fuseblk", "9p", "lustre")),
        *((kind, False, False) for kind in ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs")),
    ],
)
def test_sharing_is_what_libvirt_takes_for_sharing(kind, shared, may_hang):
    entry = mount(kind, "x")
    assert (entry.shared, entry.may_hang) == (shared, may_hang)


def escaped(text: str) -> str:
    return "".join(f"\\{ord(each):03o}" if each in " \t\n\\#" else each for each in text)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(names, names, names)
def test_names_survive_the_kernels_escapes(root, point, source):
    line = f"9 1 8:1 /{escaped(root)} /{escaped(point)} rw - ext4 x{escaped(source)} rw\n"
    (entry,) = parse_mountinfo(line)
    assert (entry.root, entry.mount_point) == (f"/{root}", f"/{point}")
    if "//" not in source:
        assert entry.source == f"x{source}"


@given(st.text().filter(lambda text: " - " not in text and text.strip("\n")))
def test_any_other_text_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"^/proc/self/mountinfo: "):
        parse_mountinfo(text)
