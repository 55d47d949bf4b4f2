import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import OpenDisk
from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes import open_disk as opening
from vmfit_agent.probes import qemu_img as programs
from vmfit_agent.probes.open_disk import open_disk
from vmfit_agent.probes.qemu_img import qemu_img
from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.probes.unanswerable import Unanswerable


def network(protocol, name, *hosts, **more):
    return StorageSource(type="network", protocol=protocol, name=name, hosts=hosts, **more)


def at(port=None, name="127.0.0.1"):
    return NetworkHost(name=name, port=port)


def unix(path):
    return NetworkHost(transport="unix", socket=str(path))


def ask(source, seconds=5.0):
    if qemu_img() is None:
        pytest.skip("qemu-img is not installed")
    return open_disk(OpenDisk(source=source), terms(seconds))


def installed(*names):
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


@pytest.fixture(autouse=True)
def qemus_user(monkeypatch):
    """QEMU's user of a host without libvirt: whoever runs the tests."""
    monkeypatch.setattr(opening, "_other_user", lambda _: None)
    monkeypatch.setattr(opening, "_as_qemu", lambda *_: True)


@pytest.mark.parametrize("export", ["", "disk", "with, comma"])
def test_nbd_over_tcp(start, free_port, export):
    installed("nbdkit")
    start(["nbdkit", "-f", "-p", str(free_port), "-i", "127.0.0.1", "memory", "3M"], free_port)
    answer = ask(network("nbd", export, at(free_port)))
    assert (answer.opens, answer.virtual_size_bytes, answer.reason) == (True, 3 << 20, "")
    assert answer.server_addresses == ["127.0.0.1"]


@pytest.mark.parametrize(("option", "read_only"), [("-r", True), ("-v", False)])
def test_whether_an_nbd_export_may_be_written(start, free_port, option, read_only):
    installed("nbdkit", "qemu-nbd")
    start(["nbdkit", "-f", option, "-p", str(free_port), "memory", "1M"], free_port)
    assert ask(network("nbd", "", at(free_port))).read_only == read_only
    # The server has the export by any name, but lists one.
    answer = ask(network("nbd", "other", at(free_port)))
    assert answer.opens
    assert not answer.HasField("read_only")


def test_nbd_refuses_another_export(start, free_port):
    installed("nbdkit")
    answers = (
        """open=[ "$3" = disk ] || { echo EINVAL no such export >&2; exit 1; }""",
        "get_size=echo 1M",
        "pread=dd if=/dev/zero bs=$3 count=1",
    )
    start(["nbdkit", "-f", "-p", str(free_port), "eval", *answers], free_port)
    assert ask(network("nbd", "disk", at(free_port))).opens
    answer = ask(network("nbd", "other", at(free_port)))
    assert not answer.opens
    assert answer.reason
    assert not answer.driver_missing


def test_nobody_serves(free_port, tmp_path):
    answer = ask(network("nbd", "", at(free_port)))
    assert not answer.opens
    assert not answer.driver_missing
    assert answer.reason == f"Failed to connect to '127.0.0.1:{free_port}': Connection refused"
    answer = ask(network("nbd", "", unix(tmp_path / "none")))
    assert answer.reason == f"Failed to connect to '{tmp_path / 'none'}': No such file or directory"


def test_nbd_over_a_unix_socket(tmp_path):
    installed("nbdkit")
    path = tmp_path / "nbd"
    process = subprocess.Popen(["nbdkit", "-f", "-U", str(path), "memory", "1M"])
    try:
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        answer = ask(network("nbd", "", unix(path)))
        assert answer.opens
        assert not answer.read_only
    finally:
        process.kill()
        process.wait()


def test_the_rights_are_those_of_qemus_user(tmp_path, monkeypatch):
    installed("nbdkit")
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as another user")
    path = tmp_path / "nbd"  # Below a directory of root's alone.
    process = subprocess.Popen(["nbdkit", "-f", "-U", str(path), "memory", "1M"])
    user = QemuUser("somebody", 64999, 64998, (64998,), owns_images=True)
    monkeypatch.setattr(opening, "_other_user", lambda _: user)
    try:
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        answer = ask(network("nbd", "", unix(path)))
    finally:
        process.kill()
        process.wait()
    assert not answer.opens
    assert "Permission denied" in answer.reason


def test_a_server_that_is_silent_for_a_short_time_is_no_answer(free_port):
    with socket.create_server(("127.0.0.1", free_port)):
        began = time.monotonic()
        with pytest.raises(Unanswerable, match=r"within 0\.5 s, the rest of the time"):
            ask(network("nbd", "", at(free_port)), seconds=0.5)
        assert time.monotonic() - began < 2


def test_a_server_that_stays_silent(free_port):
    with socket.create_server(("127.0.0.1", free_port)):
        answer = ask(network("nbd", "", at(free_port)), seconds=2.1)
    assert not answer.opens
    assert answer.timed_out_seconds == pytest.approx(2.1, abs=0.09)
    assert answer.reason == "no answer within 2.1 s"


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves byte ranges, which Python's own handler does not."""

    def do_HEAD(self):
        found = Path(self.translate_path(self.path))
        self.send_response(200 if found.is_file() else 404)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(found.stat().st_size if found.is_file() else 0))
        self.end_headers()

    def log_message(self, *arguments):
        pass


class WithoutRanges(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("handler", [Ranges, WithoutRanges])
def test_http(tmp_path, handler):
    (tmp_path / "a, b.img").write_bytes(b"\0" * 4096)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(handler, directory=str(tmp_path))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        answer = ask(network("http", "a, b.img", at(server.server_port)))
        if answer.driver_missing:
            pytest.skip(f"QEMU's curl driver is not installed: {answer.reason}")
        assert answer.opens == (handler is Ranges)
        if answer.opens:
            assert answer.virtual_size_bytes == 4096
        else:
            assert "range" in answer.reason
        assert "404" in ask(network("http", "none", at(server.server_port))).reason
    finally:
        server.shutdown()
        server.server_close()


TARGET = "iqn.2020-01.org.example:disks"


@pytest.fixture
def target(start, free_port, tmp_path):
    """An iSCSI target with LUN 1, for one initiator alone."""
    installed("tgtd", "tgtadm")
    if os.geteuid() != 0:
        pytest.skip("tgtd needs root")
    (tmp_path / "disk").write_bytes(b"\0" * (1 << 20))
    control = str(10000 + free_port % 20000)
    start(["tgtd", "-f", "-C", control, "--iscsi", f"portal=127.0.0.1:{free_port}"], free_port)
    for words in (
        f"--mode target --op new --tid 1 -T {TARGET}",
        f"--mode logicalunit --op new --tid 1 --lun 1 -b {tmp_path / 'disk'}",
        "--mode target --op bind --tid 1 --initiator-name iqn.2020-01.org.example:right",
    ):
        subprocess.run(["tgtadm", "-C", control, "--lld", "iscsi", *words.split()], check=True)
    return free_port


@pytest.mark.parametrize(
    ("name", "initiator", "opens"),
    [
        (f"{TARGET}/1", "right", True),
        (f"{TARGET}/1", "wrong", False),
        (f"{TARGET}/7", "right", False),
        ("iqn.2020-01.org.example:none/1", "right", False),
    ],
)
def test_iscsi(target, name, initiator, opens):
    source = network(
        "iscsi", name, at(target), initiator_name=f"iqn.2020-01.org.example:{initiator}"
    )
    answer = ask(source)
    if answer.driver_missing:
        pytest.skip(f"QEMU's iSCSI driver is not installed: {answer.reason}")
    assert answer.opens == opens
    assert answer.virtual_size_bytes == (1 << 20 if opens else 0)
    assert bool(answer.reason) != opens


@pytest.mark.parametrize("protocol", ["sheepdog", "vxhs", "no-such, thing"])
def test_a_driver_that_qemu_does_not_have(protocol):
    answer = ask(network(protocol, "a", at()))
    assert not answer.opens
    assert answer.driver_missing
    assert answer.reason == f"Unknown driver '{protocol}'"


def test_a_driver_that_is_there_does_not_make_an_answer():
    for source in (network("nbd", "a", at(), tls=True), network("null-co", "a")):
        with pytest.raises(Unanswerable):
            ask(source)


def test_what_a_server_says_is_one_plain_line(program):
    program(r"import sys; sys.exit('qemu-img: \x1b[2J\tfoo\x07 \u202e bar')")
    assert ask(network("rbd", "p/i")).reason == "\ufffd[2J foo\ufffd \ufffd bar"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program of one's own in qemu-img's place."""

    def make(text):
        place = tmp_path / "qemu-img"
        place.write_text(f"#!{sys.executable}\n{text}\n")
        place.chmod(0o755)
        monkeypatch.setattr(programs, "_DIRECTORIES", str(tmp_path))

    return make


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("Unknown driver 'rbd'", True),
        ("Unknown protocol 'rbd'", True),
        ("Driver 'rbd' is not whitelisted", True),
        ("error connecting: No such file or directory", False),
    ],
)
def test_what_a_missing_driver_says(program, words, missing):
    program(
        f"import sys; sys.exit(\"qemu-img: Could not open 'driver=rbd,pool=p,image=i': {words}\")"
    )
    answer = ask(network("rbd", "p/i"))
    assert (answer.opens, answer.driver_missing, answer.reason) == (False, missing, words)


@pytest.mark.parametrize(
    "output", ["", "[]", "{}", '{"virtual-size": "x"}', '{"virtual-size": -1}']
)
def test_a_size_that_is_not_told_is_absent(program, output):
    program(f"print({output!r})")
    answer = ask(network("rbd", "p/i"))
    assert answer.opens
    assert not answer.HasField("virtual_size_bytes")


def test_what_another_user_than_qemus_may_not_open_is_no_answer(program, monkeypatch):
    monkeypatch.setattr(opening, "_as_qemu", lambda *_: False)
    program("import sys; sys.exit('qemu-img: error connecting: Permission denied')")
    with pytest.raises(Unanswerable, match=r"not QEMU's: error connecting: Permission denied"):
        ask(network("rbd", "p/i"))
    assert not ask(network("nbd", "", at())).opens


def test_a_program_that_dies_is_no_answer(program):
    program("import os; os.kill(os.getpid(), 11)")
    with pytest.raises(Unanswerable, match="signal 11"):
        ask(network("rbd", "p/i"))


def test_no_program_is_no_answer(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "_DIRECTORIES", str(tmp_path))
    with pytest.raises(Unanswerable, match="qemu-img is not installed"):
        open_disk(OpenDisk(source=network("rbd", "p/i")), terms())
