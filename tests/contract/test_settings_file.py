"""Settings files of both programs: what is checked, and how it is said."""

from pathlib import Path

import pytest

from vmfit_contract.access import Role
from vmfit_contract.settings_file import (
    Settings,
    SettingsError,
    address,
    flag,
    number,
    one_of,
    parse_settings,
    read_settings_file,
    roles,
    table,
    text,
    texts,
)

CHECKS = {
    "at": address(7),
    "colour": one_of(("red", "green")),
    "count": number(0, 10, whole=True),
    "flag": flag,
    "names": texts,
    "roles": roles,
    "seconds": number(0, 10),
    "table": table,
    "text": text,
}


def parse(content, max_bytes=1000):
    if isinstance(content, str):
        content = content.encode()
    return parse_settings(content, "f.toml", CHECKS, max_bytes)


def test_values_keep_their_types_and_order():
    values = parse('text = "a"\nflag = true\nseconds = 1\nnames = []\nat = "h"\n[table]\nx = 1\n')
    assert list(values) == ["text", "flag", "seconds", "names", "at", "table"]
    assert values["flag"] is True
    assert values["table"] == {"x": 1}
    assert parse("seconds = 1.5\ncount = 9") == {"seconds": 1.5, "count": 9}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("txt = 1", "txt: no such setting, did you mean text?"),
        ("qqq = 1", "qqq: no such setting; there are at, colour, count, flag, names, roles,"),
        ("text = 1", "text: must be a text"),
        ("flag = 'yes'", "flag: must be true or false"),
        ("flag = 1", "flag: must be true or false"),
        ("count = 1.5", "count: must be a whole number"),
        ("count = true", "count: must be a whole number"),
        ("count = 10", "count: must be more than 0 and less than 10"),
        ("seconds = 'a'", "seconds: must be a number"),
        ("seconds = nan", "seconds: must be more than 0 and less than 10"),
        ("names = 'a'", "names: must be a list of texts"),
        ("names = [1]", "names: must be a list of texts"),
        ("table = 1", "table: must be a table"),
        ("colour = 'blue'", "colour: must be one of red, green"),
        ("colour = []", "colour: must be one of red, green"),
        ("at = 'a:b:c'", "at: address 'a:b:c': "),
        ("at = 1", "at: must be a text"),
        ("text =", "not TOML: "),
        (b"\xff", "not TOML: "),
        ("a = " + "[" * 900, "not TOML: "),
        ("#" * 1001, "larger than 1000 bytes"),
        ("k" * 900 + " = 1", "k" * 100 + ": no such setting; "),
        ("roles = 1", "roles: must be a table"),
        ("[roles]\nprob = []", "roles: prob: no such role, did you mean probe?"),
        ("[roles]\nxx = []", "roles: xx: no such role; there are read, probe, check, administer"),
        ("[roles]\nread = 'dns:a'", "roles: read: must be a list of at most 10000 names"),
        ("[roles]\nread = ['dns:a', 1]", "roles: read[1]: must be a text"),
        ("[roles]\nread = ['alpha']", "roles: read[0]: 'alpha' must begin with dns:, ip:, email:"),
        ("[roles]\nread = ['dns:']", "roles: read[0]: 'dns:' names nobody"),
        ('[roles]\nread = ["dns:a\\n"]', "roles: read[0]: 'dns:a\\n' names nobody"),
        ("[roles]\nread = ['dns:" + "a" * 256 + "']", "roles: read[0]: longer than 256 char"),
    ],
)
def test_what_is_wrong_is_named(content, message):
    with pytest.raises(SettingsError) as caught:
        parse(content)
    assert str(caught.value).startswith(f"f.toml: {message}")
    assert "\n" not in str(caught.value)


def test_many_patterns():
    content = "[roles]\nread = [" + "'dns:a'," * 10001 + "]"
    with pytest.raises(SettingsError, match="at most 10000 names"):
        parse(content, 10**6)


def test_roles():
    values = parse(
        '[roles]\nprobe = ["dns:*.example", "uri:urn:a"]\nread = ["*"]\nadminister = []\n'
    )
    assert Settings(values=values).roles == {
        Role.PROBE: ("dns:*.example", "uri:urn:a"),
        Role.READ: ("*",),
        Role.ADMINISTER: (),
    }
    assert Settings().roles == {}


def test_the_default_file_may_be_missing_a_named_one_not(tmp_path):
    path = tmp_path / "f.toml"
    assert read_settings_file(None, path, CHECKS, 1000) == Settings()
    with pytest.raises(SettingsError, match=r"f\.toml: cannot be read: No such file"):
        read_settings_file(path, Path("/nowhere"), CHECKS, 1000)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_settings_file(tmp_path, path, CHECKS, 1000)
    path.write_text("flag = true")
    assert read_settings_file(None, path, CHECKS, 1000) == Settings(path, {"flag": True})
    path.write_text("#" * 2000)
    with pytest.raises(SettingsError, match="larger than 1000 bytes"):
        read_settings_file(None, path, CHECKS, 1000)
