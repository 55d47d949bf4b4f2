"""Secrets planted wherever a host has any leave it on no way: not recorded, told or logged."""

import json
import logging

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, GetSnapshotRequest
from vmfit_agent import cli
from vmfit_agent.host import Host
from vmfit_agent.local_host import local_source
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt
from vmfit_agent.service import HostMetadata
from vmfit_contract.access import LOCAL, Caller, Role

# Two words, and what ends quotes and tags.
HUSH = "hUsh4"
SECRET = f"two {HUSH} words"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
DOMAIN = f"""<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
<name>web</name><uuid>{UUID}</uuid><title>{HUSH}</title><description>{HUSH}</description>
<metadata><a:a xmlns:a="urn:a" password="{HUSH}">{HUSH}</a:a></metadata><!-- {HUSH} -->
<os><type arch="x86_64" machine="pc">hvm</type><cmdline>ro token={HUSH}</cmdline>
<initenv name="TOKEN">{HUSH}</initenv></os>
<sysinfo type="smbios"><oemStrings><entry>{HUSH}</entry></oemStrings></sysinfo>
<sysinfo type="fwcfg"><entry name="opt/a">{HUSH}</entry></sysinfo>
<launchSecurity type="sev"><policy>0x3</policy><dhCert>{HUSH}</dhCert><session>{HUSH}</session>
</launchSecurity><devices>
<disk type="network" device="disk"><source protocol="https" name="a" query="id=7&amp;token={HUSH}">
<host name="images.example" port="443"/><cookies><cookie name="sid">{HUSH}</cookie></cookies>
</source><target dev="vda" bus="virtio"/></disk>
<disk type="network" device="disk"><auth username="{HUSH}"><secret type="iscsi" usage="u"/></auth>
<source protocol="iscsi" name="iqn.2026-01.org.example:a/1"><host name="10.0.0.9"/></source>
<target dev="vdb" bus="virtio"/></disk>
<graphics type="vnc" port="5900" passwd="{SECRET}" passwdValidTo="2030-01-01T00:00:00"/>
<graphics type="spice" passwd="&lt;{HUSH}"/>
<foreign xmlns="urn:x" secret="{HUSH}">{HUSH}</foreign></devices>
<qemu:commandline><qemu:arg value="-object"/>
<qemu:arg value="secret,id=s,data={HUSH}"/><qemu:arg value="-vnc"/>
<qemu:arg value=":1,password={HUSH}"/><qemu:env name="API_TOKEN" value="{HUSH}"/>
</qemu:commandline></domain>"""
POOL = f"""<pool type="iscsi"><name>san</name><source><host name="10.0.0.9"/>
<device path="iqn.2026-01.org.example:a"/><auth type="chap" username="{HUSH}">
<secret usage="u"/></auth></source><target><path>/dev/disk/by-path</path></target></pool>"""
FILES = {
    "proc/cmdline": f"ro quiet key={HUSH} token={HUSH} rd.luks.key={HUSH}\n",
    "proc/self/mountinfo":
        "25 1 0:50 / /srv rw shared:1 - cifs //h/share rw,username=j,pass="
        f"{HUSH},password=a,,{HUSH},cred={HUSH}\n"
        f"26 1 0:51 / /dav rw - fuse.davfs https://joe:{HUSH}@host/ rw\n",
    "etc/libvirt/qemu.conf":
        f'# vnc_password = "{HUSH}"\nvnc_password = "{SECRET}"\nspice_password = \'<{HUSH}\'\n'
        f'vnc_tls_x509_secret_uuid = "{UUID}"\n',
    "etc/libvirt/libvirtd.conf": f'keepalive_count = 5\nadmin_password = "{SECRET}"\n',
    "etc/sasl2/libvirt.conf": f"mech_list: scram-sha-256\nldapdb_pw: {SECRET}\n",
    "etc/libvirt/hooks/qemu": f"#!/bin/sh\nTOKEN={HUSH}\ncurl -H 'Authorization: {HUSH}' h\n",
    "etc/iscsi/initiatorname.iscsi": f"# {HUSH}\nInitiatorName=iqn.1993-08.org.debian:01:a\n",
    "etc/iscsi/nodes/iqn.2026-01.org.example:a/10.0.0.9,3260,1/default":
        "node.name = iqn.2026-01.org.example:a\nnode.startup = automatic\n"
        f"node.session.auth.username = {HUSH}\nnode.session.auth.password = {SECRET}\n"
        f"node.session.auth.password_in = <{HUSH}\nbroken {HUSH}\n",
    "etc/vmfit/attributes.d/a.json":
        json.dumps({"rack": 7, "api": {"token": SECRET, "url": f"https://u:{HUSH}@h/"}}),
    "etc/pki/libvirt/private/serverkey.pem":
        f"-----BEGIN PRIVATE KEY-----\n{HUSH}\n-----END PRIVATE KEY-----\n",
    "sys/module/wifi/parameters/psk": f"{HUSH}\n",
    "libvirt/q/meta.json": '{"uri": "qemu:///system", "driver": "QEMU", "hostname": "alpha"}',
    "libvirt/q/capabilities.xml":
        "<capabilities><host><cpu><arch>x86_64</arch></cpu></host></capabilities>",
    "libvirt/q/domains/d.xml": DOMAIN,
    "libvirt/q/domains/d.migratable.xml": DOMAIN,
    "libvirt/q/domains/d.json": '{"state": 1}',
    "libvirt/q/storage_pools/san.xml": POOL,
    "libvirt/q/storage_pools/san.json": '{"active": true}',
}  # fmt: skip
READER = Caller("dns:reader", frozenset({Role.READ}))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def everything(directory):
    return "\n".join(
        f"{path} {path.read_text() if path.is_file() else ''}" for path in directory.rglob("*")
    )


@pytest.mark.parametrize("options", [[], ["--mask"], ["-vv"]])
def test_nothing_of_it_is_recorded(root, tmp_path, capsys, monkeypatch, options):
    monkeypatch.setattr("vmfit_agent.settings.DEFAULT_PATH", tmp_path / "none.toml")
    before = ["-vv"] if options == ["-vv"] else []
    words = [*before, "record", "--root", str(root), str(tmp_path / "out")]
    assert cli.run(words + [each for each in options if each != "-vv"]) == 0
    logging.getLogger().handlers.clear()
    recorded = everything(tmp_path / "out")
    assert HUSH not in recorded
    assert HUSH not in "".join(capsys.readouterr())
    for kept in ("vnc_password", "node.startup = automatic", "<cookie", "passwd=", "rack", "mech"):
        assert kept in recorded


@pytest.mark.parametrize("caller", [LOCAL, READER])
def test_nothing_of_it_is_told(root, caplog, caller):
    caplog.set_level(logging.DEBUG)
    calls = HostMetadata(local_source(Host(root, RecordedLibvirt(root))))
    for method, request in (
        ("GetSnapshot", GetSnapshotRequest()),
        ("DescribeVm", DescribeVmRequest(name="web")),
        ("DescribeVm", DescribeVmRequest(xml=DOMAIN)),
    ):
        told = calls.answer(method, request.SerializeToString(), 10.0, caller)
        assert HUSH.encode() not in told
        assert b"iqn.2026-01.org.example:a" in told
    assert HUSH not in caplog.text


def test_each_is_planted(root):
    assert everything(root).count(HUSH) > 2 * len(FILES)
