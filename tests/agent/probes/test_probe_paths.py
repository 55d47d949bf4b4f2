import hashlib
import os
import stat
import threading
import time

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import AccessPath, HashBlocks
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.probes import access_path as accessing
from vmfit_agent.probes import hash_blocks as hashing
from vmfit_agent.probes import qemu_user as who
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.as_user import call_as
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.qemu_user import QemuUser, qemu_user
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.waiting_mount import look
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_contract.content_key import content_key

OTHERS = bytes(range(16))
NOBODY = QemuUser("somebody", 64999, 64998, (64998, 64997), owns_images=True)


def as_root():
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as another user")


@pytest.fixture
def place(tmp_path):
    """A directory that everybody may enter, unlike pytest's own."""
    parent = tmp_path
    while parent != parent.parent and parent.stat().st_uid == os.geteuid():
        parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o055)
        parent = parent.parent
    return tmp_path


@pytest.fixture
def ask(monkeypatch):
    as_root()

    def run(path, *, write=False, user=NOBODY):
        monkeypatch.setattr(accessing, "qemu_user", lambda _: user)
        return access_path(AccessPath(path=str(path), write=write), terms())

    return run


def make(path, mode, owner=0, group=0, content=b"x" * 600):
    path.write_bytes(content)
    os.chown(path, owner, group)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "owner", "group", "write", "allowed", "as_owner"),
    [
        (0o644, 0, 0, False, True, False),
        (0o644, 0, 0, True, False, True),
        (0o600, 0, 0, False, False, True),
        (0o600, 64999, 0, True, True, False),
        (0o640, 0, 64998, False, True, False),
        (0o660, 0, 64997, True, True, False),
        (0o400, 0, 0, True, False, False),
        (0o000, 0, 0, False, False, False),
        (0o400, 64999, 0, True, False, False),
    ],
)
def test_modes(ask, place, *, mode, owner, group, write, allowed, as_owner):
    answer = ask(make(place / "disk", mode, owner, group), write=write)
    assert (answer.allowed, answer.allowed_as_owner) == (allowed, as_owner)
    assert (answer.user_id, answer.group_id) == (64999, 64998)
    assert bool(answer.reason) == (not allowed)
    assert ("dynamic_ownership" in answer.reason) == as_owner


def test_without_dynamic_ownership_the_owner_stays(ask, place):
    user = QemuUser("somebody", 64999, 64998, (64998,), owns_images=False)
    answer = ask(make(place / "disk", 0o600), user=user)
    assert (answer.allowed, answer.allowed_as_owner) == (False, False)


def test_a_directory_on_the_way_is_named(ask, place):
    closed = place / "closed"
    (closed / "inner").mkdir(parents=True)
    disk = make(closed / "inner" / "disk", 0o666)
    closed.chmod(0o700)
    answer = ask(disk)
    assert not answer.allowed
    assert not answer.allowed_as_owner
    assert answer.reason == f"somebody: {closed}: Permission denied"
    link = place / "link"
    link.symlink_to(disk)
    answer = ask(link)
    assert answer.reason == f"somebody: {closed}: Permission denied"
    assert not answer.allowed_as_owner


def test_directories_must_be_entered_too(ask, place):
    (place / "sockets").mkdir(mode=0o755)
    assert ask(place / "sockets").allowed
    assert not ask(place / "sockets", write=True).allowed
    (place / "sockets").chmod(0o744)
    assert not ask(place / "sockets").allowed


def test_what_is_not_there(ask, place):
    answer = ask(place / "none")
    assert not answer.allowed
    assert answer.reason == f"somebody: {place / 'none'}: No such file or directory"


def test_only_the_asking_thread_becomes_another(place):
    as_root()
    seen = []
    holding, release = threading.Event(), threading.Event()

    def hold():
        holding.set()
        release.wait(10)
        return os.getresuid(), os.getresgid(), sorted(os.getgroups())

    other = threading.Thread(target=lambda: seen.append(call_as(NOBODY, hold)))
    other.start()
    holding.wait(10)
    assert os.geteuid() == 0
    make(place / "mine", 0o600).read_bytes()
    release.set()
    other.join(10)
    assert seen == [((64999,) * 3, (64998,) * 3, [64997, 64998])]
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_acting_for_another_needs_the_right_to(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("vmfit_agent.probes.as_user.holds", lambda *_: False)
    with pytest.raises(Unanswerable, match="may not act for others"):
        call_as(NOBODY, lambda: 1)
    own = QemuUser("me", 1000, os.getegid(), (), owns_images=True)
    assert call_as(own, lambda: 1) == 1


class Libvirt:
    uris = ("qemu:///system",)

    def __init__(self, xml):
        self.xml = xml

    def connect(self, uri):
        if self.xml is None:
            raise LibvirtUnavailable("down")
        return self

    def capabilities(self):
        return self.xml


LABEL = """<capabilities><host><secmodel><model>dac</model><doi>0</doi>
<baselabel type='kvm'>+7:+8</baselabel></secmodel></host></capabilities>"""


@pytest.mark.parametrize(
    ("xml", "conf", "user_id", "group_id", "owns"),
    [
        (LABEL, 'user = "root"', 7, 8, True),
        (LABEL, "dynamic_ownership = 0", 7, 8, False),
        (None, 'user = "root"\ngroup = "root"', 0, 0, True),
        (None, 'user = "+1234"\ngroup = "+77"', 1234, 77, True),
        (None, 'user = "1234"', 1234, 0, True),
        ("<capabilities/>", 'user = "root"', 0, 0, True),
        ("<broken", 'user = "root"', 0, 0, True),
    ],
)
def test_who_qemu_is(tree, *, xml, conf, user_id, group_id, owns):
    host = tree({"etc/libvirt/qemu.conf": conf + "\n"})
    user = qemu_user(Host(host.root, Libvirt(xml)))
    assert (user.user_id, user.group_id, user.owns_images) == (user_id, group_id, owns)
    assert group_id in user.groups


@pytest.mark.parametrize("conf", ['user = "no-such-user"', 'user = "root"\ngroup = "no-such"'])
def test_a_user_that_is_not_there_is_no_answer(tree, conf):
    with pytest.raises(Unanswerable):
        qemu_user(tree({"etc/libvirt/qemu.conf": conf}))


def hashes(path, offsets, length=4096, other=OTHERS):
    nonces = [other, CONTENT_NONCES.current()]
    question = HashBlocks(path=str(path), nonces=nonces, offsets=offsets, block_bytes=length)
    return hash_blocks(question, terms())


def expected(content):
    key = content_key([CONTENT_NONCES.current(), OTHERS])
    return hashlib.blake2b(content, digest_size=16, key=key).digest()


@pytest.mark.parametrize("length", [512, 4096, 4608, 65536])
@pytest.mark.parametrize("directly", [True, False])
def test_blocks(tmp_path, monkeypatch, length, directly):
    if not directly:
        monkeypatch.setattr(os, "O_DIRECT", 0)
    content = os.urandom(200_000)
    (tmp_path / "disk").write_bytes(content)
    offsets = [0, 512, 4096, 65536, 65536 + 1024, 199_168, 199_680, 200_192, 1 << 40]
    answer = hashes(tmp_path / "disk", offsets, length)
    assert answer.size_bytes == 200_000
    wanted = [content[offset : offset + length] for offset in offsets]
    assert list(answer.hashes) == [
        expected(block) if len(block) >= 512 else b"" for block in wanted
    ]
    assert answer.hashes[6] == b""  # 320 bytes could be guessed.
    assert hashes(tmp_path / "disk", [0], length, b"another nonce 16").hashes != answer.hashes[:1]


def test_a_storage_that_refuses_direct_reads(tmp_path, monkeypatch):
    (tmp_path / "disk").write_bytes(b"a" * 8192)
    real, refused = os.preadv, []

    def preadv(descriptor, buffers, offset):
        if not refused:
            refused.append(1)
            raise OSError(22, "Invalid argument")
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(hashing.os, "preadv", preadv)
    assert list(hashes(tmp_path / "disk", [0, 4096]).hashes) == [expected(b"a" * 4096)] * 2


def test_what_is_no_storage_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/null", "/proc/self/status", "/proc/version"):
        with pytest.raises(Unanswerable):
            hashes(path, [0])
    with pytest.raises(FileNotFoundError):
        hashes(tmp_path / "none", [0])
    link = tmp_path / "link"
    link.symlink_to("/proc/version")
    with pytest.raises(Unanswerable, match="nothing is told of files below"):
        hashes(link, [0])


def test_a_small_file_has_no_blocks(tmp_path):
    (tmp_path / "disk").write_bytes(b"x" * 4095)
    with pytest.raises(Unanswerable, match="below 4096 bytes"):
        hashes(tmp_path / "disk", [0])


MOUNTS = """22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:44 / /srv/nfs rw - nfs4 filer:/export rw
31 30 8:2 / /srv/nfs/local rw - ext4 /dev/sdb rw
"""


def test_a_dead_server_costs_one_question(tree):
    host = tree({"proc/self/mountinfo": MOUNTS, "proc/1/mountinfo": MOUNTS})
    release, looks = threading.Event(), []

    def hang():
        looks.append(1)
        release.wait(20)

    with pytest.raises(TimeoutError):
        look(host, "/srv/nfs/a", 0.1, hang)
    with pytest.raises(TimeoutError, match="/srv/nfs does not answer"):
        look(host, "/srv/nfs/b/c", 5, hang)
    assert len(looks) == 1
    # The way to another file system below it leads through what hangs.
    with pytest.raises(TimeoutError, match="/srv/nfs does not answer"):
        look(host, "/srv/nfs/local/a", 5, hang)
    assert len(looks) == 1
    assert look(host, "/srv/nfsother", 5, lambda: "b") == "b"
    release.set()


def test_a_dead_server_behind_links_costs_one_question(tree, tmp_path, monkeypatch):
    dead, links = tmp_path / "dead", tmp_path / "links"
    links.mkdir()
    (links / "directly").symlink_to(dead / "disk")
    (links / "again").symlink_to("directly")
    (links / "directory").symlink_to(dead)
    (links / "back").symlink_to(dead / "link to a local file")
    table = MOUNTS + f"32 22 0:45 / {dead} rw - fuse.sshfs filer:/export rw\n"
    host = tree({"proc/self/mountinfo": table, "proc/1/mountinfo": table})
    release, asked, read_link = threading.Event(), [], os.readlink

    def hang(path):
        if str(path).startswith(str(dead)):
            asked.append(path)
            release.wait(20)
        return read_link(path)

    monkeypatch.setattr(os, "readlink", hang)
    began = time.monotonic()
    for name in ("again", "directly", "directory/disk", "back", "directory/../x"):
        with pytest.raises(TimeoutError):
            look(host, str(links / name), 0.2, lambda: pytest.fail("looked"))
    assert time.monotonic() - began < 2
    assert len(asked) == 1
    assert look(host, str(links), 5, lambda: "a") == "a"
    release.set()


def test_links_on_a_server_that_answers_are_followed(tree, tmp_path):
    server = tmp_path / "server"
    server.mkdir()
    (tmp_path / "disk").write_text("a")
    (server / "disk").symlink_to(tmp_path / "disk")
    (server / "loop").symlink_to("loop")
    table = MOUNTS + f"32 22 0:45 / {server} rw - fuse.sshfs filer:/export rw\n"
    host = tree({"proc/self/mountinfo": table, "proc/1/mountinfo": table})
    for name in ("disk", "loop", "none", "none/../disk"):
        asker = look(host, str(server / name), 5, threading.current_thread)
        assert asker is not threading.current_thread()


def test_a_libvirt_that_hangs_is_not_waited_for(tree, monkeypatch):
    monkeypatch.setattr(who, "_LIBVIRT_SECONDS", 0.05)
    release = threading.Event()

    class Hanging(Libvirt):
        def capabilities(self):
            release.wait(20)
            return LABEL

    host = tree({"etc/libvirt/qemu.conf": 'user = "root"\n'})
    for _ in range(2):
        assert qemu_user(Host(host.root, Hanging(""))).user_id == 0
    release.set()


def test_access_of_a_device(ask):
    assert ask("/dev/null", write=True).allowed
