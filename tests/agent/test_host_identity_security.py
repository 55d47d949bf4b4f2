"""Identity, topology and security, from made-up hosts."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from vmfit_agent.collectors import (
    attributes,
    clock,
    cpu,
    identity,
    kernel,
    memory,
    numa,
    security,
)
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.virtualization import hook_scripts
from vmfit_agent.virtualization.libvirt_conf import parse_conf

CPUS = "sys/devices/system/cpu"


@dataclass
class Capabilities:
    """A libvirt that answers with one text, or fails."""

    xml: str | Exception
    uris: tuple[str, ...] = ("qemu:///system",)

    def connect(self, uri):
        if isinstance(self.xml, Exception):
            raise self.xml
        return self

    def capabilities(self):
        return self.xml


CAPABILITIES = """<capabilities><host><uuid>c1d2e3f4-0000-4000-8000-0123456789ab</uuid>
<cpu><counter name='tsc' frequency='2099998000' scaling='yes'/></cpu></host></capabilities>"""


def test_identity_of_a_host(tree):
    host = tree(
        {
            "proc/sys/kernel/hostname": "node7\n",
            "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "sys/class/dmi/id/product_uuid": "4C4C4544-0042-3510-8052-B4C04F564231\n",
            "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
        }
    )
    part = identity.collect(Host(host.root, Capabilities(CAPABILITIES)))
    assert part.hostname == "node7"
    assert part.product_uuid == "4c4c4544-0042-3510-8052-b4c04f564231"
    assert part.libvirt_host_uuid == "c1d2e3f4-0000-4000-8000-0123456789ab"
    assert (part.os_id, part.os_version_id, part.os_pretty_name) == (
        "debian",
        "12",
        "Debian GNU/Linux 12",
    )
    assert not part.HasField("boot_id")
    assert not part.hostname_addresses


def test_placeholders_identify_nobody(tree):
    host = tree(
        {
            "proc/sys/kernel/hostname": "x\n",
            "etc/machine-id": "uninitialized\n",
            "sys/class/dmi/id/product_uuid": "03000200-0400-0500-0006-000700080009\n",
        }
    )
    part = identity.collect(host)
    assert not part.HasField("machine_id")
    assert not part.HasField("product_uuid")
    assert len(host.warnings) == 2


@pytest.mark.parametrize(
    "answer", [LibvirtUnavailable("qemu:///system: refused"), "<capabilities>", "<!DOCTYPE x>"]
)
def test_a_libvirt_that_cannot_answer_costs_only_its_field(tree, answer):
    host = Host(tree({"proc/sys/kernel/hostname": "x\n"}).root, Capabilities(answer))
    assert not identity.collect(host).HasField("libvirt_host_uuid")
    assert len(host.warnings) == 1
    assert "\n" not in host.warnings[0]


def test_libvirt_tells_the_time_stamp_counter(tree):
    host = tree({"proc/cpuinfo": "processor : 0\nflags : lm\n", f"{CPUS}/online": "0"})
    part = cpu.collect(Host(host.root, Capabilities(CAPABILITIES)))
    assert part.tsc.frequency_hz == 2099998000
    assert part.tsc.scaling


def test_topology_counts_who_shares_not_the_ids(tree):
    """Two sockets that both call themselves 0, as in two s390 books."""
    files = {f"{CPUS}/online": "0-3\n"}
    for number, (core, socket) in enumerate(
        (("0-1", "0-1"), ("0-1", "0-1"), ("2", "2-3"), ("3", "2-3"))
    ):
        base = f"{CPUS}/cpu{number}/topology"
        files[f"{base}/physical_package_id"] = "0\n"
        files[f"{base}/core_id"] = "0\n"
        files[f"{base}/thread_siblings_list"] = f"{core}\n"
        files[f"{base}/core_siblings_list"] = f"{socket}\n"
    part = cpu.collect(tree(files)).topology
    assert (part.socket_count, part.die_count, part.core_count, part.thread_count) == (2, 2, 3, 4)
    assert [list(c.sibling_cpu_ids) for c in part.cpus] == [[0, 1], [0, 1], [2], [3]]
    assert part.cpus[0].die_id == -1


def test_without_topology_ids_are_unknown(tree):
    part = cpu.collect(tree({"proc/cpuinfo": "processor : 0\n\nprocessor : 1\n"})).topology
    assert (part.socket_count, part.core_count, part.thread_count) == (0, 0, 2)
    assert {(c.socket_id, c.core_id, c.cluster_id) for c in part.cpus} == {(-1, -1, -1)}


def test_no_processor_at_all_is_an_error(tree):
    with pytest.raises(ValueError, match="name no processor"):
        cpu.collect(tree({}))


QEMU_CONF = """# user = "root"
user = "+1001"
  dynamic_ownership = 0
vnc_password = "hunter2"
migrate_tls_x509_secret_uuid = "00000000"
cgroup_device_acl = [
    "/dev/null", # a comment
    "/dev/kvm"
]
security_driver = [ "selinux", 'dac' ]
unknown_setting = 1
migration_port_min = 49152
"""


def test_settings_are_kept_and_secrets_are_not():
    found = parse_conf(QEMU_CONF)
    assert found["cgroup_device_acl"] == "/dev/null,/dev/kvm"
    assert found["security_driver"] == "selinux,dac"
    assert "hunter2" not in str(found)


def test_the_first_of_two_settings_counts():
    assert parse_conf('user = "root"\n# user = "a"\nuser = "qemu"\n') == {"user": "root"}


def test_security_of_a_host(tree):
    host = tree(
        {
            "etc/libvirt/qemu.conf": QEMU_CONF,
            "etc/libvirt/libvirtd.conf": 'listen_tls = 0\nhost_uuid = "x"\nlog_level = 3\n',
            "sys/fs/selinux/enforce": "1",
            "sys/fs/selinux/booleans/virt_use_nfs": "1 1",
            "sys/fs/selinux/booleans/httpd_x": "1 1",
            "etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
            "sys/module/apparmor/parameters/enabled": "Y\n",
            "sys/kernel/security/apparmor/profiles": "/usr/sbin/libvirtd (enforce)\n"
            "libvirt-12345678-0000-0000-0000-000000000000 (enforce)\nman_groff (enforce)\n",
            "proc/sys/crypto/fips_enabled": "1\n",
            "etc/libvirt/hooks/qemu": "#!/bin/sh\n",
            "etc/libvirt/hooks/README": "text\n",
            "etc/libvirt/hooks/qemu.d/10-vlan": "x" * (1 << 20) + "y",
            "etc/pki/qemu/ca-cert.pem": "not a certificate",
            "etc/sasl2/libvirt.conf": "# mech_list: plain\nmech_list: gssapi SCRAM-SHA-256\n",
        }
    )
    (host.root / "etc/libvirt/hooks/qemu").chmod(0o755)
    part = security.collect(host)
    assert part.selinux.enforcing
    assert part.selinux.policy_type == "targeted"
    assert dict(part.selinux.booleans) == {"virt_use_nfs": True}
    assert list(part.apparmor.profiles) == ["/usr/sbin/libvirtd"]
    assert part.fips_enabled
    assert dict(part.qemu_conf)["user"] == "+1001"
    assert "unknown_setting" not in part.qemu_conf
    assert dict(part.libvirtd_conf) == {"listen_tls": "0"}
    assert list(part.sasl.mechanisms) == ["gssapi", "scram-sha-256"]
    assert not part.sasl.HasField("credentials_present")
    assert list(part.libvirt_hooks) == ["qemu"]
    assert not part.hook_scripts_unreadable
    hooks = [(each.path, each.executable, each.HasField("sha256")) for each in part.hook_scripts]
    assert hooks == [
        ("README", False, True),
        ("qemu", True, True),
        ("qemu.d/10-vlan", False, False),
    ]
    assert part.hook_scripts[1].sha256 == hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert [(c.path, c.error) for c in part.certificates] == [
        ("/etc/pki/qemu/ca-cert.pem", "no PEM certificate")
    ]


def test_what_the_kernel_can_start(tree):
    host = tree(
        {
            "etc/libvirt/hooks/qemu": "exit 0\n",
            "etc/libvirt/hooks/lxc": "#!/bin/sh\nexit 1\n",
            "etc/libvirt/hooks/daemon": "\x7fELF",
            "etc/libvirt/hooks/network": "#!/bin/sh\n" + "#" * (64 << 10),
        }
    )
    scripts = {each.path: each for each in hook_scripts.read_hook_scripts(host) or ()}
    assert not scripts["qemu"].startable
    assert scripts["daemon"].startable
    assert not scripts["daemon"].HasField("text")
    assert scripts["network"].HasField("sha256")
    assert not scripts["network"].HasField("text")
    # a recording does not hold the interpreter
    assert not scripts["lxc"].HasField("startable")
    assert scripts["lxc"].text.may_fail
    assert not scripts["lxc"].HasField("newer_than_libvirt")


def test_a_hook_that_leads_elsewhere_is_not_hashed(tree):
    host = tree({"etc/libvirt/hooks/README": "text\n"})
    (host.root / "etc/libvirt/hooks/qemu").symlink_to("/proc/version")
    (host.root / "etc/libvirt/hooks/lxc").symlink_to("nothing")
    part = security.collect(host)
    assert [(each.path, each.HasField("sha256")) for each in part.hook_scripts] == [
        ("README", True),
        ("qemu", False),
    ]
    assert not part.libvirt_hooks


def test_hooks_that_may_not_be_listed(tree, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hook_scripts.os, "listdir", refuse)
    host = tree({"etc/libvirt/hooks/qemu": "#!/bin/sh\n"})
    assert hook_scripts.read_hook_scripts(host) is None
    assert host.warnings == ["/etc/libvirt/hooks: Permission denied"]


def test_a_host_without_confinement(tree):
    part = security.collect(tree({}))
    assert not part.HasField("selinux")
    assert not part.HasField("apparmor")
    assert not part.HasField("fips_enabled")


def test_this_host():
    """Every part can be collected where the tests run, and twice the same where it is static."""
    for module in (identity, cpu, security, attributes, kernel, numa, memory, clock):
        assert module.collect(Host(Path("/"))).ByteSize() >= 0
    assert cpu.collect(Host()) == cpu.collect(Host())
