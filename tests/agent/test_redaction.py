"""Secrets in texts of all kinds; what says that there is one stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.redaction.free_text import redact_place, redact_query, scrub
from vmfit_agent.redaction.json_tree import redact_tree
from vmfit_agent.redaction.mount_options import is_secret_option, redact_options, split_options
from vmfit_agent.redaction.parameters import redact_parameters
from vmfit_agent.redaction.qemu_words import redact_words
from vmfit_agent.redaction.secret_names import is_secret_name

HUSH = "hUsh4"


@pytest.mark.parametrize(
    "name",
    ["vnc_password", "node.session.auth.password_in", "vncPassword2", "ldapdb_pw", "api_key",
     "rd.luks.key", "X-Amz-Signature", "tokens", "Set-Cookie", "secretKey", "spice_passwd"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["key", "public_key", "password_file", "tls_x509_secret_uuid", "keymap", "passthrough",
     "module.sig_enforce", "compass", "", "7", "passwordless_mode", "key_file", "credentials_path"],
)  # fmt: skip
def test_names_of_what_is_none(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a.password = {HUSH}\nx = 1\n", "a.password = ***\nx = 1\n"),
        (f"password_in={HUSH}", "password_in=***"),
        (f'vnc_password = "two {HUSH}"\nx', "vnc_password = ***\nx"),
        (f'password = "<{HUSH} {HUSH}" y', "password = *** y"),
        (f"passwd='{HUSH} x' port='1'", "passwd=*** port='1'"),
        (f'password = "not closed {HUSH}\nx', "password = ***\nx"),
        (f'password = "an \\" and {HUSH}" x', "password = *** x"),
        (f"password={HUSH}<{HUSH},{HUSH};{HUSH} x", "password=*** x"),
        (f"netroot=iscsi:joe:{HUSH}@192.0.2.1::::iqn.x", "netroot=iscsi:***@192.0.2.1::::iqn.x"),
        (f"qemu+tls://joe:{HUSH}@host/system: no", "qemu+tls://***@host/system: no"),
        (f"Authorization: Bearer {HUSH}\nx", "Authorization: ***\nx"),
        (f"Cookie: a={HUSH}; b={HUSH}", "Cookie: ***"),
        (f'{{"token": "{HUSH} x"}}', '{"token": ***}'),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{HUSH}", "***"),
        ("token_file = /etc/token", "token_file = /etc/token"),
        ("https://host:443/a@b", "https://host:443/a@b"),
        ("MemTotal: 1 kB\n", "MemTotal: 1 kB\n"),
    ],
)
def test_free_text(text, expected):
    assert scrub(text) == expected


@given(st.text("ab=:'\" \n?&;/@*\\passwordtoken", max_size=80))
def test_what_is_blanked_stays_so(text):
    once = scrub(text)
    assert scrub(once) == once


@pytest.mark.parametrize("piece", ["a=", "password=", "//", "x:", '"', "iscsi:", "a", "\\", "?&"])
def test_long_texts_take_no_longer(piece):
    # A second would be hundreds of times too long.
    scrub(piece * (100_000 // len(piece)))
    redact_place(piece * (100_000 // len(piece)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"?sig={HUSH}&a=1", "?sig=***&a=1"),
        (f"token={HUSH}", "token=***"),
        (f"X-Amz-Credential={HUSH}&X-Amz-Date=1", "X-Amz-Credential=***&X-Amz-Date=1"),
        ("image=7&rev=2", "image=7&rev=2"),
    ],
)
def test_queries(text, expected):
    assert redact_query(text) == expected


def test_paths_are_no_places_of_secrets():
    assert redact_place("/srv/a?token=1.img") == "/srv/a?token=1.img"
    assert redact_place(f"rbd:pool/image:id=x:key={HUSH}") == "rbd:pool/image:id=x:key=***"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"quiet key={HUSH} ro", ["quiet", "key=***", "ro"]),
        (f"token={HUSH}", ["token=***"]),
        (f'inst.pw="two {HUSH}" x', ["inst.pw=***", "x"]),
        (f"systemd.set_credential=a:{HUSH}", ["systemd.set_credential=***"]),
        (f"ds=nocloud;password={HUSH}", ["ds=nocloud;password=***"]),
        (f"url=https://h/?b=1&token={HUSH}", ["url=https://h/?b=1&token=***"]),
        (f"cifsroot=//h/s,username=u,password={HUSH}", ["cifsroot=//h/s,username=u,password=***"]),
        ("intel_iommu=on iommu=pt", ["intel_iommu=on", "iommu=pt"]),
        ('root="a b" c', ['root="a b"', "c"]),
    ],
)
def test_parameters_of_a_kernel(text, expected):
    assert redact_parameters(text) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-object", f"secret,id=s,data={HUSH},,{HUSH},format=raw"],
         ["-object", "secret,id=s,data=***,format=raw"]),
        (["-object", f"qom-type=secret,id=s,data={HUSH}"],
         ["-object", "qom-type=secret,id=s,data=***"]),
        (["-drive", f"file=https://u:{HUSH}@h/a,password-secret=s"],
         ["-drive", "file=https://***@h/a,password-secret=s"]),
        (["-drive", f"file.cookie={HUSH},id=d"], ["-drive", "file.cookie=***,id=d"]),
        (["-fw_cfg", f"name=opt/x,string={HUSH}"], ["-fw_cfg", "name=opt/x,string=***"]),
        (["-smbios", f"type=11,value={HUSH}"], ["-smbios", "type=11,value=***"]),
        (["-spice", f"port=1,password={HUSH}"], ["-spice", "port=1,password=***"]),
        (["-append", f"ro token={HUSH}"], ["-append", "ro token=***"]),
        ([f"json:{{{HUSH}"], ["json:***"]),
        (["-device", "virtio-net,mac=52:54:00:00:00:01"],
         ["-device", "virtio-net,mac=52:54:00:00:00:01"]),
        (["-object", '{"qom-type":"rng-random","id":"r"}'],
         ["-object", '{"qom-type":"rng-random","id":"r"}']),
    ],
)  # fmt: skip
def test_words_for_qemu(words, expected):
    assert redact_words(words) == expected
    assert redact_words(expected) == expected


def test_objects_for_qemu_in_json():
    word = json.dumps({"qom-type": "secret", "id": "s", "data": HUSH, "keyid": "master"})
    _, redacted = redact_words(["-object", word])
    assert json.loads(redacted) == {
        "qom-type": "secret", "id": "s", "data": "***", "keyid": "master",
    }  # fmt: skip
    deep = "[" * 100_000
    assert redact_words([f"json:{deep}"]) == ["json:***"]


def test_json():
    tree = {
        "rack": 7,
        "password": HUSH,
        "token_set": True,
        "api_key": [HUSH],
        "env": [{"name": "DB_PASSWORD", "value": HUSH}, {"name": "HOME", "value": "/root"}],
        "url": f"https://joe:{HUSH}@host/",
    }
    assert redact_tree(tree) == {
        "rack": 7,
        "password": "***",
        "token_set": True,
        "api_key": "***",
        "env": [{"name": "DB_PASSWORD", "value": "***"}, {"name": "HOME", "value": "/root"}],
        "url": "https://***@host/",
    }


@pytest.mark.parametrize(
    "option",
    [f"pass={HUSH}", f"cred={HUSH}", f"password2={HUSH}", f"key={HUSH}", f"user=joe:{HUSH}",
     f"username=joe%{HUSH}", f"secret={HUSH}", f"sharekey={HUSH}", "credentials=/root/.smb"],
)  # fmt: skip
def test_options_of_mounts(option):
    assert is_secret_option(option)
    assert HUSH not in redact_options(f"rw,{option},vers=3")


def test_a_comma_in_an_option():
    assert split_options(f"rw,password=a,,{HUSH},vers=3") == ["rw", "password=a", "vers=3"]
    assert split_options("rw,,errors=remount-ro") == ["rw", "", "errors=remount-ro"]
    for option in ("username=joe", "ro", "user=joe", "keyring=x"):
        assert not is_secret_option(option)
