"""What a recording keeps of each kind of file reads as the file did, without its secrets."""

import json
from pathlib import Path, PurePath

import pytest

from vmfit_agent.collectors.iscsi import parse_record
from vmfit_agent.networking.ovsdb import read_bridges_from_file
from vmfit_agent.recording.recorded_text import recorded_text
from vmfit_agent.storage.mountinfo import parse_mountinfo
from vmfit_agent.virtualization.libvirt_conf import parse_conf

HUSH = "hUsh4"
HOSTS = Path(__file__).parents[1] / "hosts"


def recorded(path, text):
    found = recorded_text(PurePath(path), text)
    assert HUSH not in found
    again = recorded_text(PurePath(path), found)
    assert "hooks" in path or again == found
    return found


def test_libvirts_settings():
    text = (
        f'# vnc_password = "{HUSH}"\nvnc_password = "two {HUSH}"\nspice_password = \'<{HUSH}\'\n'
        'user = "root"  # why\nmax_core = 1\n'
        f'cgroup_controllers = [ "cpu",\n  "memory" ]\nnbd_tls = 1\nbroken = "{HUSH}\n'
    )
    found = recorded("etc/libvirt/qemu.conf", text)
    assert 'vnc_password = "***"' in found
    assert parse_conf(found) == parse_conf(text)
    assert parse_conf(found)["cgroup_controllers"] == "cpu,memory"


def test_settings_of_sasl():
    found = recorded("etc/sasl2/libvirt.conf", f"mech_list: gssapi\nldapdb_pw: two {HUSH}\n")
    assert found == "mech_list: gssapi\n"


def test_records_of_iscsi():
    text = (
        f"# {HUSH}\nnode.startup = automatic\nnode.session.auth.authmethod = CHAP\n"
        f"node.session.auth.username = {HUSH}\nnode.session.auth.password = two {HUSH}\n"
        f"node.session.auth.password_in = <empty>\nbroken {HUSH}\n"
    )
    found = recorded("etc/iscsi/nodes/iqn.x/192.0.2.1,3260,1/default", text)
    assert set(parse_record(found)) == set(parse_record(text))
    assert parse_record(found)["node.session.auth.authmethod"] == "CHAP"
    assert parse_record(found)["node.session.auth.password"] == "***"


def test_the_initiators_name():
    text = f"# {HUSH}\nInitiatorName=iqn.x\nOther={HUSH}\nInitiatorAlias=a\n"
    found = recorded("etc/iscsi/initiatorname.iscsi", text)
    assert found == "InitiatorName=iqn.x\nInitiatorAlias=a\n"


def test_mounts():
    text = (
        "25 1 0:50 / /srv rw,nosuid shared:1 - cifs //host/share "
        f"rw,username=joe,pass={HUSH},cred={HUSH},password=a,,{HUSH}\n"
        f"26 1 0:51 / /dav rw - fuse.davfs https://joe:{HUSH}@host/ rw\n"
        "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    )
    found = recorded("proc/self/mountinfo", text)
    assert parse_mountinfo(found) == parse_mountinfo(text)
    assert found.endswith("27 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    recorded("proc/self/mountinfo", f"no mount: pass={HUSH},rw\n")


def test_attributes():
    found = recorded("etc/vmfit/attributes.d/a.json", json.dumps({"rack": 7, "token": HUSH}))
    assert json.loads(found) == {"rack": 7, "token": "***"}
    assert recorded("etc/vmfit/attributes.d/a.json", '{"rack":7}') == '{"rack":7}'


def test_the_kernels_command_line_and_parameters():
    assert recorded("proc/cmdline", f"ro key={HUSH} quiet\n") == "ro key=*** quiet\n"
    assert recorded("sys/module/ceph/parameters/secret", f"{HUSH}\n") == "***\n"
    assert recorded("sys/module/kvm/parameters/nested", "Y\n") == "Y\n"


def test_certificates_alone():
    block = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----"
    found = recorded("etc/pki/libvirt/servercert.pem", f"{HUSH}\n{block}\n{HUSH}")
    assert found == f"{block}\n"


def test_bridges_of_open_vswitch():
    body = {
        "Bridge": {"u1": {"name": "br0", "ports": ["uuid", "u2"], "other_config": HUSH}},
        "Port": {"u2": {"name": "eth1", "external_ids": HUSH}},
        "Interface": {"u3": {"options": ["map", [["psk", HUSH]]]}},
    }
    text = f"OVSDB JSON 2 x\n{{}}\nOVSDB JSON 9 x\n{json.dumps(body)}\n"
    found = recorded("etc/openvswitch/conf.db", text)
    assert read_bridges_from_file(found) == read_bridges_from_file(text) == {"br0": ["eth1"]}


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("etc/vmfit/attributes.d/a.json", f"{{{HUSH}", "not JSON"),
        ("etc/openvswitch/conf.db", HUSH, "no stand-alone"),
        ("etc/pki/libvirt/servercert.pem", HUSH, "no PEM"),
        ("etc/any", f"-----BEGIN PRIVATE KEY-----\n{HUSH}", "a private key is never recorded"),
    ],
)
def test_what_cannot_be_kept_is_named_and_not_quoted(path, text, why):
    with pytest.raises(ValueError, match=why) as refusal:
        recorded_text(PurePath(path), text)
    assert HUSH not in str(refusal.value)


def test_files_without_secrets_stay_as_they_are():
    changed = []
    for root in HOSTS.iterdir():
        for file in root.rglob("*") if root.is_dir() else ():
            path = file.relative_to(root)
            if not file.is_file() or file.is_symlink() or path.parts[0] == "libvirt":
                continue
            text = file.read_text()
            if path.match("etc/libvirt/*.conf") or path.match("initiatorname.iscsi"):
                continue
            if recorded_text(PurePath(path), text) != text:
                changed.append(str(file))
    assert changed == []
