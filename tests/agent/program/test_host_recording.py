from pathlib import PurePath

import pytest

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names
from vmfit_agent.kernel_files.sysfs import entry_names
from vmfit_agent.recording import host_recording
from vmfit_agent.recording.host_recording import read_host
from vmfit_contract.masking.masking import Masking


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    device = root / "sys/devices/pci0/net/eth0"
    device.mkdir(parents=True)
    (device / "mtu").write_text("1500\n")
    (device / "address").write_text("52:54:00:ab:cd:ef\n")
    (device / "device").symlink_to("../..")
    (root / "sys/class/net").mkdir(parents=True)
    (root / "sys/class/net/eth0").symlink_to("../../devices/pci0/net/eth0")
    (root / "etc").mkdir()
    (root / "usr/share/zoneinfo").mkdir(parents=True)
    (root / "usr/share/zoneinfo/UTC").write_text("TZif\n")
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    (root / "etc/loop").symlink_to("loop")
    (root / "etc/gone").symlink_to("/nowhere")
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "etc/binary").write_bytes(b"\xff\xfe\x00")
    (root / "etc/key").write_text("-----BEGIN PRIVATE KEY-----\n")
    (root / "etc/node").write_text("node.session.auth.password = hush\n")
    return root


def record(root, globs, out, masking=None):
    recording = read_host(root, globs)
    recording.write(out, masking)
    return recording


def test_links_on_the_way_become_links(root, tmp_path):
    out = tmp_path / "out"
    record(root, ["sys/class/net/*/mtu", "sys/class/net/*/device"], out)
    assert (out / "sys/class/net/eth0").is_symlink()
    assert (out / "sys/class/net/eth0/mtu").read_text() == "1500\n"
    assert (out / "sys/class/net/eth0/device").resolve() == out / "sys/devices/pci0"
    assert not (out / "sys/class/net/eth0/address").exists()


def test_absolute_links_lead_into_the_recording(root, tmp_path):
    out = tmp_path / "out"
    recording = record(root, ["etc/localtime", "etc/gon*", "etc/loo*"], out)
    assert (out / "etc/localtime").resolve() == out / "usr/share/zoneinfo/UTC"
    assert "usr/share/zoneinfo/UTC" in str((out / "etc/localtime").readlink())
    assert (out / "etc/gone").readlink().parts[:2] == ("..", "nowhere")
    assert recording.missing == []


def test_links_cannot_leave_the_root(root, tmp_path):
    (tmp_path / "outside").write_text("no business here")
    (root / "etc/escape").symlink_to("../../outside")
    recording = read_host(root, ["etc/escape"])
    assert recording.texts == {}


def test_own_process_is_recorded_under_its_link(root, tmp_path):
    (root / "proc/42").mkdir(parents=True)
    (root / "proc/42/mountinfo").write_text("1 1 0:1 / / rw - ext4 /dev/sda rw\n")
    (root / "proc/self").symlink_to("42")
    recording = read_host(root, ["proc/self/mountinfo"])
    assert list(recording.texts) == [PurePath("proc/self/mountinfo")]
    assert recording.links == {}


def test_what_is_left_out_is_said(root, monkeypatch):
    monkeypatch.setattr(host_recording, "MAX_FILE_BYTES", 40)
    (root / "etc/long").write_text("x" * 41)
    recording = read_host(root, ["etc/*"])
    reasons = dict(line.split(": ", 1) for line in recording.missing)
    assert reasons["/etc/binary"] == "not text"
    assert reasons["/etc/key"] == "a private key is never recorded"
    assert reasons["/etc/long"] == "larger than 40 bytes"
    assert recording.texts[PurePath("etc/node")] == "node.session.auth.password = ***\n"


def test_switches_and_missing_values_are_no_loss(root, monkeypatch):
    (root / "etc/demote").write_text("")
    (root / "etc/demote").chmod(0o200)
    real_read = host_recording._Reader._add_text

    def add_text(self, path, asked):
        if path.name == "node":
            raise OSError(22, "Invalid argument")
        if path.name == "machine-id":
            raise PermissionError(13, "Permission denied")
        real_read(self, path, asked)

    monkeypatch.setattr(host_recording._Reader, "_add_text", add_text)
    recording = read_host(root, ["etc/demote", "etc/node", "etc/machine-id"])
    assert recording.missing == ["/etc/machine-id: Permission denied"]
    assert recording.texts == {}


def test_totals_are_bounded(root, monkeypatch):
    monkeypatch.setattr(host_recording, "MAX_TOTAL_BYTES", 10)
    assert any("all files together" in line for line in read_host(root, ["etc/*"]).missing)
    monkeypatch.setattr(host_recording, "MAX_ENTRIES", 1)
    assert any(
        "more than 1 files" in line for line in read_host(root, ["sys/class/net/*/*"]).missing
    )


def test_masking_covers_content_and_names(root, tmp_path):
    wwn = "5000c500a1b2c3d4"
    (root / "sys/devices/pci0/wwid").write_text(f"naa.{wwn}\n")
    (root / "dev/disk/by-id").mkdir(parents=True)
    (root / f"dev/disk/by-id/wwn-0x{wwn}").symlink_to("../../sda")
    out = tmp_path / "out"
    masking = Masking(b"k" * 32)
    masking.learn_identifier(f"naa.{wwn}")
    record(root, ["etc/machine-id", "sys/devices/pci0/*", "dev/disk/by-id/*",
                  "sys/class/net/*/address"], out, masking)  # fmt: skip
    everything = "\n".join(
        str(path) + (path.read_text() if path.is_file() else "") for path in out.rglob("*")
    )
    for secret in (wwn, "0123456789abcdef0123456789abcdef", "00:ab:cd:ef"):
        assert secret not in everything
    [link] = (out / "dev/disk/by-id").iterdir()
    wwid = (out / "sys/devices/pci0/wwid").read_text().strip()
    assert link.name.removeprefix("wwn-0x") == wwid.removeprefix("naa.")


def test_empty_directories_are_kept_where_version_control_drops_them(root, tmp_path):
    out = tmp_path / "out"
    (root / "sys/module/tun").mkdir(parents=True)
    (root / "sys/module/kvm").mkdir()
    (root / "sys/module/kvm/parameters").mkdir()
    (root / "sys/module/kvm/parameters/halt_poll_ns").write_text("1\n")
    record(root, ["sys/module/*", "sys/module/*/parameters/*"], out)
    assert [path.name for path in (out / "sys/module/tun").iterdir()] == [".keep"]
    assert [path.name for path in (out / "sys/module/kvm").iterdir()] == ["parameters"]
    host = Host(out)
    assert list_names(host, "sys/module/tun") == []
    assert entry_names(f"{out}/sys/module/tun") == []
