"""The site's key: made once, readable by nobody else, and what masks by it agrees."""

import json

import pytest

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent import cli
from vmfit_contract.json_text import to_json
from vmfit_contract.masking.site_key import SiteKeyError, make_site_key, read_site_key

MAC, SERIAL = "52:54:00:ab:cd:ef", "S4EWNX0M123456"


@pytest.fixture
def file(tmp_path):
    snapshot = Snapshot()
    snapshot.identity.hostname = "hv07.example-site.org"
    snapshot.network.interfaces.add(name="eth0").mac = MAC
    snapshot.block_devices.devices.add(name="nvme0n1").serial = SERIAL
    path = tmp_path / "snapshot.json"
    path.write_text(to_json(snapshot))
    return path


def run(capsys, *arguments):
    status = cli.run([str(each) for each in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_key_is_made_once(tmp_path, capsys):
    path = tmp_path / "site.key"
    assert run(capsys, "site-key", path) == (0, f"{path}: made\n", "")
    assert path.stat().st_mode & 0o777 == 0o600
    key = read_site_key(path)
    assert len(key) == 32
    status, _, err = run(capsys, "site-key", path)
    assert (status, err) == (3, f"vmfit-agent: error: exists already, and a site has one: {path}\n")
    assert read_site_key(path) == key


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (b"ab" * 32, 0o644, "others may read it"),
        (b"ab" * 31, 0o600, "no 64 hexadecimal digits"),
        (b"\xff" * 64, 0o600, "no 64 hexadecimal digits"),
        (b"", 0o600, "no 64 hexadecimal digits"),
    ],
)
def test_a_file_without_a_key_is_named(tmp_path, content, mode, expected):
    path = tmp_path / "site.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SiteKeyError, match=f"{expected}.*: {path}$"):
        read_site_key(path)


def test_places_that_hold_no_key_are_named(tmp_path):
    with pytest.raises(SiteKeyError, match="No such file"):
        read_site_key(tmp_path / "gone")
    with pytest.raises(SiteKeyError, match=r"no 64 hexadecimal digits|Is a directory"):
        read_site_key(tmp_path)
    with pytest.raises(SiteKeyError, match="No such file"):
        make_site_key(tmp_path / "gone/site.key")


def test_snapshots_masked_by_one_key_agree(tmp_path, file, capsys):
    key, other = tmp_path / "site.key", tmp_path / "other.key"
    make_site_key(key)
    make_site_key(other)
    ask = ("snapshot", "--replay", file, "--mask")
    first = run(capsys, *ask, "--site-key-file", key)
    assert first == run(capsys, *ask, "--site-key-file", key)
    assert first[0] == 0
    for secret in (MAC[3:], SERIAL, "hv07", "example-site"):
        assert secret not in first[1]
    for options in (("--site-key-file", other), ()):
        different = run(capsys, *ask, *options)[1]
        assert json.loads(different).keys() == json.loads(first[1]).keys()
        assert different != first[1]
    assert run(capsys, "snapshot", "--replay", file)[1] == file.read_text()


def test_masking_needs_a_usable_key(tmp_path, file, capsys):
    gone = tmp_path / "gone.key"
    ask = ("snapshot", "--replay", file, "--mask", "--site-key-file", gone)
    assert run(capsys, *ask) == (3, "", f"vmfit-agent: error: No such file or directory: {gone}\n")
    status, _, err = run(capsys, "snapshot", "--replay", file, "--part", "cpu")
    assert status == 3
    assert "--replay prints the file" in err
