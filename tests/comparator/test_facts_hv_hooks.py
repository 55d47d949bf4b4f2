"""What of libvirt itself may refuse a guest: hook scripts, directories that are not writable."""

import pytest

from tests.comparator.builders import GIB, answer, finding, remedy_kinds
from tests.comparator.tables import case_of, cases

THERE = "destination.security.hook_scripts"
HERE = "source.security.hook_scripts"


def script(path="qemu", sha256="aa", executable=True, **more):
    fields = {"path": path, "sha256": sha256, "executable": executable, **more}
    return [{name: value for name, value in fields.items() if value is not None}]


def text(*operations, path="qemu", sha256="aa", newer=None, **flags):
    """A script that is text, with what its words tell."""
    told = {"operations": list(operations), **flags}
    return script(path, sha256, text=told, startable=True, newer_than_libvirt=newer)


CONF = "destination.security.qemu_conf"
NETWORK_NIC = {"vm.nics": [{"mac": "52:54:00:00:00:01", "type": "network", "network": "lan"}]}

HOOKS = [
    ("none", {}, "YES"),
    ("not executable", {THERE: script(executable=False)}, "YES"),
    ("of another driver", {THERE: script("libxl") + script("lxc.d/1")}, "YES"),
    ("of the daemon", {THERE: script("daemon")}, "YES"),
    ("of networks, and no NIC is on one", {THERE: script("network")}, "YES"),
    ("only the source has one", {HERE: script()}, "YES"),
    ("of networks, and a NIC is on one", {**NETWORK_NIC, THERE: script("network")}, "NO_IDEA"),
    ("the same of networks", {**NETWORK_NIC, "hosts.security.hook_scripts": script("network")},
     "PROBABLY_YES"),
    ("the same", {"hosts.security.hook_scripts": script()}, "PROBABLY_YES"),
    ("the same in qemu.d", {THERE: script("qemu.d/1"), HERE: script("qemu.d/2")}, "PROBABLY_YES"),
    ("another", {THERE: script(), HERE: script(sha256="bb")}, "NO_IDEA"),
    ("the source's does not run", {THERE: script(), HERE: script(executable=False)}, "NO_IDEA"),
    ("the source has it for networks", {THERE: script(), HERE: script("network")}, "NO_IDEA"),
    ("one more in qemu.d", {THERE: script() + script("qemu.d/1", "bb"), HERE: script()}, "NO_IDEA"),
    ("neither could be read", {"hosts.security.hook_scripts": script(sha256=None)}, "NO_IDEA"),
    ("whether it runs is not known", {THERE: script(executable=None)}, "NO_IDEA"),
    ("the name alone", {"destination.security.libvirt_hooks": ["qemu"]}, "NO_IDEA"),
    ("the source is not known", {THERE: script(), "source.security": None}, "NO_IDEA"),
    ("could not be listed", {"destination.security.hook_scripts_unreadable": True}, "NO_IDEA"),
    ("machine code", {THERE: script(startable=True)}, "NO_IDEA"),
    ("cannot be started", {THERE: script(startable=False)}, "NO"),
    ("cannot be started, nor on the source",
     {"hosts.security.hook_scripts": script(startable=False)}, "NO"),
    ("cannot be started, nor executed", {THERE: script(executable=False, startable=False)}, "YES"),
    ("never fails", {THERE: text()}, "PROBABLY_YES"),
    ("never fails, and names migrate", {THERE: text("migrate")}, "PROBABLY_YES"),
    ("changes the definition", {THERE: text("migrate", reads_definition=True)}, "PROBABLY_YES"),
    ("may always fail", {THERE: text(may_fail=True)}, "PROBABLY_NO"),
    ("may fail as a guest comes", {THERE: text("migrate", may_fail=True)}, "PROBABLY_NO"),
    ("may fail as a guest starts", {THERE: text("release", "started", may_fail=True)},
     "PROBABLY_NO"),
    ("may fail as a guest goes", {THERE: text("release", "stopped", may_fail=True)},
     "PROBABLY_YES"),
    ("the same, which may fail as a guest starts",
     {"hosts.security.hook_scripts": text("prepare", may_fail=True)}, "PROBABLY_YES"),
    ("the same, which may fail as a guest comes",
     {"hosts.security.hook_scripts": text("migrate", may_fail=True)}, "PROBABLY_NO"),
    ("another version of the source's, which may fail",
     {HERE: script(sha256="other"), THERE: text("prepare", may_fail=True)}, "NO_IDEA"),
    ("another version of the source's, which may fail as a guest comes",
     {HERE: script(sha256="other"), THERE: text("migrate", may_fail=True)}, "PROBABLY_NO"),
    ("prints", {THERE: text(prints=True)}, "PROBABLY_NO"),
    ("prints as a guest comes", {THERE: text("migrate", prints=True)}, "PROBABLY_NO"),
    ("prints as a guest starts", {THERE: text("prepare", prints=True)}, "PROBABLY_YES"),
    ("may fail, one of two", {THERE: text() + text(path="qemu.d/1", may_fail=True)},
     "PROBABLY_NO"),
    ("may fail, newer than the daemon", {THERE: text(may_fail=True, newer=True)}, "PROBABLY_YES"),
    ("may fail, older than the daemon", {THERE: text(may_fail=True, newer=False)}, "PROBABLY_NO"),
    ("may fail, newer than the daemon, beside an older",
     {THERE: text(newer=False) + text(path="qemu.d/1", may_fail=True, newer=True)}, "PROBABLY_NO"),
    ("of networks, fails as a NIC is plugged in",
     {**NETWORK_NIC, THERE: text("port-created", path="network", may_fail=True)}, "PROBABLY_NO"),
    ("of networks, fails as a network starts",
     {**NETWORK_NIC, THERE: text("start", path="network", may_fail=True)}, "PROBABLY_YES"),
    ("not collected", {"destination.security": None}, "NO_IDEA"),
    ("Xen", {"vm.domain_type": "xen", THERE: script("libxl")}, "NO_IDEA"),
    ("Xen, of QEMU", {"vm.domain_type": "xen", THERE: script()}, "YES"),
]  # fmt: skip


def mounts(**fields):
    """A root that is fine, and one mount more."""
    root = {"mount_point": "/", "type": "ext4", "available_bytes": GIB}
    return {"destination.mounts.mounts": [root, {"type": "ext4", **fields}]}


DIRECTORIES = [
    ("all writable", {}, "YES"),
    ("a root that is read-only below others",
     {"destination.mounts.mounts": [
         {"mount_point": "/", "read_only": True}, {"mount_point": "/var"}, {"mount_point": "/run"},
     ]}, "YES"),
    ("read-only", mounts(mount_point="/var/log", read_only=True), "NO"),
    ("read-only state", mounts(mount_point="/var/lib/libvirt", read_only=True), "NO"),
    ("read-only elsewhere", mounts(mount_point="/var/lo", read_only=True), "YES"),
    ("mounted anew, writable", {"destination.mounts.mounts": [
        {"mount_point": "/", "read_only": True}, {"mount_point": "/"}]}, "YES"),
    ("read-only /run", mounts(mount_point="/run/libvirt/qemu", read_only=True), "NO"),
    ("full", mounts(mount_point="/run", available_bytes=0), "PROBABLY_NO"),
    ("full log", mounts(mount_point="/var/log", available_bytes=0), "PROBABLY_YES"),
    ("read-only definitions", mounts(mount_point="/etc", read_only=True), "YES"),
    ("read-only definitions, which the domain joins",
     {"options.persistent": True, **mounts(mount_point="/etc", read_only=True)}, "NO"),
    ("offline, read-only definitions",
     {"options.offline": True, **mounts(mount_point="/etc/libvirt", read_only=True)}, "NO"),
    ("nearly full", mounts(mount_point="/run", available_bytes=(1 << 20) - 1), "PROBABLY_NO"),
    ("just enough", mounts(mount_point="/run", available_bytes=1 << 20), "YES"),
    ("space not known", mounts(mount_point="/run"), "YES"),
    ("no mount holds them", {"destination.mounts.mounts": [{"mount_point": "/srv"}]}, "NO_IDEA"),
    ("not collected", {"destination.mounts": None}, "NO_IDEA"),
    ("Xen", {"vm.domain_type": "xen", **mounts(mount_point="/run", read_only=True)}, "YES"),
    ("session", {"destination.hypervisor.connections[0].uri": "qemu:///session",
                 **mounts(mount_point="/run", read_only=True)}, "YES"),
    ("offline", {"options.offline": True, **mounts(mount_point="/run", read_only=True)}, "YES"),
]  # fmt: skip
INSTALLED = {"destination.hypervisor.helper_programs": ["dbus-daemon", "qemu-pr-helper"]}
WITHOUT = {"destination.hypervisor.helper_programs": ["passt"]}
BUS = {"vm.graphics": [{"type": "dbus", "startsBus": True}]}
SHARE = {"vm.filesystems": [{"target": "t", "driver": "virtiofs"}]}
PROGRAMS = [
    ("none needed", {}, "YES"),
    ("none looked for", SHARE, "NO_IDEA"),
    ("no virtiofsd", {**SHARE, **INSTALLED}, "PROBABLY_NO"),
    (
        "virtiofsd by path",
        {**SHARE, **INSTALLED, "vm.filesystems[0].binary": "/opt/virtiofsd"},
        "YES",
    ),
    (
        "virtiofsd outside",
        {**SHARE, **INSTALLED, "vm.filesystems[0].socket": "/run/fs.sock"},
        "YES",
    ),
    ("placed by numad", {**INSTALLED, "vm.vcpus.placement": "auto"}, "PROBABLY_NO"),
    ("memory placed by numad", {**INSTALLED, "vm.numa.placement": "auto"}, "PROBABLY_NO"),
    ("passt", {**INSTALLED, "vm.nics[0].backend_type": "passt"}, "PROBABLY_NO"),
    ("reservations", {**INSTALLED, "vm.disks[0].reservations": True}, "YES"),
    ("reservations, no program", {**WITHOUT, "vm.disks[0].reservations": True}, "PROBABLY_NO"),
    (
        "reservations, a program of qemu.conf's",
        {**WITHOUT, "vm.disks[0].reservations": True, CONF: {"pr_helper": "/opt/pr"}},
        "YES",
    ),
    ("a display over D-Bus", {**INSTALLED, **BUS}, "YES"),
    ("a display over D-Bus, no program", {**WITHOUT, **BUS}, "PROBABLY_NO"),
    ("a display on another's bus", {**WITHOUT, "vm.graphics": [{"type": "dbus"}]}, "YES"),
    (
        "a display in a process of its own",
        {**INSTALLED, "vm.other_devices": [{"kind": "video", "driverName": "vhostuser"}]},
        "PROBABLY_NO",
    ),
    ("shut off", {**SHARE, **INSTALLED, "options.offline": True}, "YES"),
]

SOCKETS = "destination.security.helper_sockets"
LOGD = {CONF: {"stdio_handler": "logd"}}
LOCKD = {CONF: {"stdio_handler": "file", "lock_manager": "lockd"}}
DAEMONS = [
    ("virtlogd", {**LOGD, SOCKETS: {"log": True}}, "YES"),
    ("no virtlogd", {**LOGD, SOCKETS: {"lock": True}}, "NO"),
    ("no virtlogd, by default", {CONF: {}, SOCKETS: {"lock": True}}, "PROBABLY_NO"),
    ("no virtlogd wanted", {CONF: {"stdio_handler": "file"}, SOCKETS: {}}, "YES"),
    ("virtlockd", {**LOCKD, SOCKETS: {"lock": True}}, "YES"),
    ("no virtlockd", {**LOCKD, SOCKETS: {"log": True}}, "NO"),
    ("nobody looked", {**LOGD, SOCKETS: None}, "PROBABLY_YES"),
    ("Xen", {"vm.domain_type": "xen", **LOGD, SOCKETS: {}}, "YES"),
    ("session", {"destination.hypervisor.connections[0].uri": "qemu:///session", SOCKETS: {}},
     "YES"),
    ("offline", {"options.offline": True, **LOGD, SOCKETS: {}}, "YES"),
    ("not collected", {"destination.security": None}, "NO_IDEA"),
]  # fmt: skip
TABLES = {
    "hv.helper_daemons": DAEMONS,
    "hv.hooks": HOOKS,
    "hv.directories": DIRECTORIES,
    "hv.helper_programs": PROGRAMS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert found.answer == answer(row[2]), found.reason


def test_the_script_is_named():
    case = case_of(("", {THERE: script("qemu.d/10-vlan")}))
    found = finding("hv.hooks", case)
    assert "qemu.d/10-vlan" in found.reason
    assert remedy_kinds(found) == ["", "choose_host"]


def test_the_mount_is_named():
    found = finding("hv.directories", case_of(("", mounts(mount_point="/var/log", read_only=True))))
    assert "/var/log/libvirt/qemu: /var/log is mounted read-only" in found.reason
    assert remedy_kinds(found) == ["provide_storage"]
