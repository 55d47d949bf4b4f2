import pytest

from vmfit_agent.settings import MAX_BYTES, SettingsError, parse_settings, read_settings


def test_keys_become_options():
    content = b'listen = "[::]:1"\nlibvirt_uris = ["qemu:///session"]\ninsecure = true\n'
    assert parse_settings(content, "f") == {
        "listen": "[::]:1",
        "libvirt_uri": ["qemu:///session"],
        "insecure": True,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"listn = 1", "agent.toml: listn: no such key; there are"),
        (b"listen = 1", "agent.toml: listen: must be a text"),
        (b"libvirt_uris = 'qemu:///system'", "agent.toml: libvirt_uris: must be a list of texts"),
        (b"libvirt_uris = [1]", "agent.toml: libvirt_uris: must be a list of texts"),
        (b"listen = 'a:b:c'", "agent.toml: listen: address 'a:b:c'"),
        (b"source = 'unix:'", "agent.toml: source: address 'unix:'"),
        (b"insecure = 1", "agent.toml: insecure: must be true or false"),
        (b"probes = 'no'", "agent.toml: probes: must be true or false"),
        (b"probes_per_minute = true", "agent.toml: probes_per_minute: must be a number"),
        (b"probes_per_minute = 1.5", "agent.toml: probes_per_minute: must be a number"),
        (b"insecure = 'yes'", "agent.toml: insecure: must be true or false"),
        (b"listen = \n", "agent.toml: not TOML: "),
        (b"\xff", "agent.toml: not TOML: "),
        (b"a = " + b"[" * 5000, "agent.toml: not TOML: "),
        (b"#" * (MAX_BYTES + 1), "agent.toml: larger than"),
        (b"[serve]\nlisten = 'x'", "agent.toml: serve: no such key"),
    ],
)
def test_errors_name_file_and_key(content, message):
    with pytest.raises(SettingsError) as raised:
        parse_settings(content, "agent.toml")
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_probes():
    assert parse_settings(b"probes = false\nprobes_per_minute = 60\n", "f") == {
        "probes": False,
        "probes_per_minute": 60,
    }


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        read_settings(tmp_path / "agent.toml")
    with pytest.raises(SettingsError, match="Is a directory"):
        read_settings(tmp_path)
