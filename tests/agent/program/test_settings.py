"""The agent's settings: which keys there are, and which options they set."""

import pytest

from vmfit_agent.cli import COMMANDS, group
from vmfit_agent.settings import (
    KEYS,
    MAX_BYTES,
    Settings,
    SettingsError,
    option_values,
    read_settings,
)


@pytest.fixture
def parse(tmp_path):
    def parse(content):
        path = tmp_path / "agent.toml"
        path.write_bytes(content)
        return read_settings(path)

    return parse


def test_keys_become_options(parse):
    content = b"""
listen = "[::]:1"
libvirt_uris = ["qemu:///session"]
insecure = true
probes_per_minute = 60
[roles]
probe = ["dns:vmfit.example"]
"""
    settings = parse(content)
    assert option_values(settings) == {
        "listen": "[::]:1",
        "libvirt_uri": ["qemu:///session"],
        "insecure": True,
        "probes_per_minute": 60,
    }
    assert settings.roles == {"probe": ("dns:vmfit.example",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"listn = 1", "agent.toml: listn: no such setting, did you mean listen?"),
        (b"listen = 1", "agent.toml: listen: must be a text"),
        (b"libvirt_uris = 'qemu:///system'", "agent.toml: libvirt_uris: must be a list of texts"),
        (b"libvirt_uris = [1]", "agent.toml: libvirt_uris: must be a list of texts"),
        (b"listen = 'a:b:c'", "agent.toml: listen: address 'a:b:c'"),
        (b"source = 'unix:'", "agent.toml: source: address 'unix:'"),
        (b"insecure = 1", "agent.toml: insecure: must be true or false"),
        (b"probes = 'no'", "agent.toml: probes: must be true or false"),
        (b"probes_per_minute = true", "agent.toml: probes_per_minute: must be a whole number"),
        (b"probes_per_minute = 1.5", "agent.toml: probes_per_minute: must be a whole number"),
        (b"content_directories = '/srv'", "content_directories: must be a list of texts"),
        (b"content_directories = ['srv']", "content_directories: 'srv' must be an absolute path"),
        (b"content_directories = ['/root/a']", "'/root/a' must not be below /etc, /root"),
        (b"probe_ports = 22", "agent.toml: probe_ports: must be a list of ports and ranges"),
        (b"probe_ports = [true]", "agent.toml: probe_ports: must be a list of ports and ranges"),
        (b"probe_ports = [0]", "agent.toml: probe_ports: '0': must be a port"),
        (b"probe_ports = ['9-1']", "agent.toml: probe_ports: '9-1': must be ports from 1 to"),
        (b"probe_hosts = 'a'", "agent.toml: probe_hosts: must be a list of texts"),
        (b"probe_hosts = ['a b']", "agent.toml: probe_hosts: 'a b': must be a host's name"),
        (b"probe_hosts = ['10.0.0.1/8']", "agent.toml: probe_hosts: '10.0.0.1/8': must be"),
        (b"prober = 1", "agent.toml: prober: must be a text"),
        (b"insecure = 'yes'", "agent.toml: insecure: must be true or false"),
        (b"listen = \n", "agent.toml: not TOML: "),
        (b"\xff", "agent.toml: not TOML: "),
        (b"a = " + b"[" * 5000, "agent.toml: not TOML: "),
        (b"#" * (MAX_BYTES + 1), "agent.toml: larger than"),
        (b"[serve]\nlisten = 'x'", "agent.toml: serve: no such setting"),
    ],
)
def test_errors_name_file_and_key(parse, content, message):
    with pytest.raises(SettingsError) as raised:
        parse(content)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_key_but_tables_is_an_option_of_a_command():
    options = {
        parameter.name for name in COMMANDS for parameter in group.get_command(None, name).params
    }
    given = Settings(values=dict.fromkeys(KEYS))
    assert set(option_values(given)) <= options


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        read_settings(tmp_path / "agent.toml")
    with pytest.raises(SettingsError, match="Is a directory"):
        read_settings(tmp_path)
