"""The settings file: checked, and errors name file and key."""

import pytest

from vmfit_comparator.settings import SettingsError, read_settings


@pytest.fixture
def path(tmp_path):
    return tmp_path / "comparator.toml"


def test_settings(path):
    path.write_text('server = "c:1"\ntimeout = 3\ninsecure = true\n[hosts.a]\naddress = "a"\n')
    settings = read_settings(path)
    assert settings.path == path
    assert settings.values["timeout"] == 3
    assert settings.values["insecure"] is True


def test_no_file_is_no_settings(path, monkeypatch):
    monkeypatch.setattr("vmfit_comparator.settings.DEFAULT_PATH", path)
    assert read_settings(None).path is None
    path.write_text("timeout = 3")
    assert read_settings(None).path == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timeout = 'x'", "timeout: must be a number"),
        ("timeout = true", "timeout: must be a number"),
        ("timeout = 0", "timeout: must be more than 0"),
        ("timeout = nan", "timeout: must be more than 0"),
        ("insecure = 1", "insecure: must be true or false"),
        ("output = 'xml'", "output: must be one of table, wide, json, yaml"),
        ("sever = 'a'", "sever: no such setting, did you mean server?"),
        ("policies = 'a'", "policies: must be a list of texts"),
        ("policies = [1]", "policies: must be a list of texts"),
        ("hosts = 1", "hosts: must be a table"),
        ("[roles]\nchek = []", "roles: chek: no such role, did you mean check?"),
        ("store = 1", "store: must be a text"),
        ("store_checks = 0", "store_checks: must be more than 0"),
        ("store_checks = 1.5", "store_checks: must be a whole number"),
        ("server =", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(path, text, message):
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(path):
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_settings(path)
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not TOML"):
        read_settings(path)
