"""Rows for disks that the agents were asked about: opened, and compared by content."""

TARGET = "iqn.2026-01.net.example:storage"
THERE = "incoming.disks[0]"
PATH = f"{THERE}.source.path"
USERSPACE = {
    "vm.disks[0].source": {
        "type": "network",
        "protocol": "iscsi",
        "name": f"{TARGET}/1",
        "initiatorName": "iqn.2026-11.net.example:guest",
        "hosts": [{"name": "192.0.2.9"}],
    }
}
USERSPACE_SESSIONS = [
    ("QEMU's own initiator", USERSPACE, "PROBABLY_YES"),
    (
        "QEMU's own initiator under another name",
        {**USERSPACE, f"{THERE}.source.initiator_name": "iqn.2026-11.net.example:beta"},
        "NO_IDEA",
    ),
    (
        "QEMU's own initiator, tried under another name",
        {
            **USERSPACE,
            f"{THERE}.source.initiator_name": "iqn.2026-11.net.example:beta",
            "probes.disks": [{"target": "vda", "answer": {"opens": True}}],
        },
        "YES",
    ),
    (
        "QEMU's own initiator is not let in",
        {
            **USERSPACE,
            "probes.disks": [{"target": "vda", "answer": {"reason": "Failed to log in"}}],
        },
        "NO",
    ),
]


def network_disk(*hosts):
    return {"vm.disks[0].source": {"type": "network", "protocol": "nbd", "hosts": [*hosts]}}


def tried(*hosts, **answer):
    """Return a network disk with what became of opening it."""
    return {**network_disk(*hosts), "probes.disks": [{"target": "vda", "answer": answer}]}


def below(**answer):
    """Return an image below a disk, with what became of opening it."""
    image = {"type": "network", "protocol": "nbd", "hosts": [SERVER]}
    return {
        "vm.disks[0].backing_chain": [image],
        "probes.disks": [{"target": "vda[1]", "answer": answer}],
    }


SERVER = {"name": "192.0.2.9", "port": 10809}
MIRROR = {"name": "192.0.2.10"}
SECRET_DISK = {
    **network_disk(SERVER),
    "vm.secrets": [{"uuid": "5ec", "type": "iscsi", "user": "disk vda"}],
}


def connected(*outcomes):
    """Return what became of connections to SERVER, and to MIRROR."""
    return {
        "probes.device_servers": [
            {"host": host, "port": 10809, "answer": {"outcome": f"CONNECT_OUTCOME_{outcome}"}}
            for host, outcome in zip(("192.0.2.9", "192.0.2.10"), outcomes, strict=False)
        ]
    }


def listening(address, port):
    """Return a destination where one program listens."""
    return {"destination.network.listening_ports": [{"address": address, "port": port}]}


REACHED = [
    ("no network disk", {}, "YES"),
    ("not tried", network_disk({"name": "192.0.2.9", "port": 10809}), "PROBABLY_YES"),
    ("on the host itself, where nothing listens", network_disk({"name": "127.0.0.1"}), "NO"),
    (
        "on the host itself, served",
        {**network_disk({"name": "localhost"}), **listening("127.0.0.1", 10809)},
        "NO_IDEA",
    ),
    (
        "on the host itself, served on all addresses",
        {**network_disk({"name": "127.0.0.1", "port": 5}), **listening("::", 5)},
        "NO_IDEA",
    ),
    (
        "on the host itself, served on another address",
        {**network_disk({"name": "127.0.0.1"}), **listening("192.0.2.9", 10809)},
        "NO",
    ),
    (
        "on the host itself, and what listens is not known",
        {**network_disk({"name": "127.0.0.1"}), "destination.network.listening_ports": []},
        "NO_IDEA",
    ),
    ("a socket", network_disk({"transport": "unix", "socket": "/run/nbd"}), "NO_IDEA"),
    ("by configuration", network_disk(), "NO_IDEA"),
    ("opens", tried(SERVER, opens=True), "YES"),
    ("opens on the host itself", tried({"name": "127.0.0.1"}, opens=True), "YES"),
    ("opens, to be read only", tried(SERVER, opens=True, readOnly=True), "NO"),
    (
        "opens, and is only to be read",
        {**tried(SERVER, opens=True, readOnly=True), "vm.disks[0].read_only": True},
        "YES",
    ),
    ("opens, to be written", tried(SERVER, opens=True, readOnly=False), "YES"),
    ("does not open", tried(SERVER, reason="Connection refused"), "NO"),
    ("with a secret, not tried", SECRET_DISK, "PROBABLY_YES"),
    ("with a secret, answered", {**SECRET_DISK, **connected("CONNECTED")}, "PROBABLY_YES"),
    ("with a secret, refused", {**SECRET_DISK, **connected("REFUSED")}, "NO"),
    ("with a secret, silent", {**SECRET_DISK, **connected("TIMED_OUT")}, "PROBABLY_NO"),
    (
        "with a secret, one of two answers",
        {**network_disk(SERVER, MIRROR), **connected("REFUSED", "CONNECTED")},
        "PROBABLY_YES",
    ),
    (
        "with a secret, one of two not tried",
        {**network_disk(SERVER, MIRROR), **connected("REFUSED")},
        "PROBABLY_YES",
    ),
    ("no driver", tried(SERVER, reason="Unknown driver 'nbd'", driverMissing=True), "NO"),
    (
        "the agent could not try",
        {**network_disk(SERVER), "probes.disks": [{"target": "vda", "error": "timed out"}]},
        "PROBABLY_YES",
    ),
    (
        "silence",
        tried(SERVER, reason="no answer within 2.5 s", timedOutSeconds=2.5),
        "PROBABLY_NO",
    ),
    ("an image below opens", below(opens=True, readOnly=True), "YES"),
    ("an image below does not open", below(reason="Connection refused"), "NO"),
    (
        "an image below a disk that is copied does not open",
        {**below(reason="Connection refused"), "options.storage_copy": 1},
        "YES",
    ),
    ("copied onto one that does not open", {**tried(SERVER), "options.storage_copy": 1}, "NO"),
]


# A file that no name proves: one export by two names, neither inode known.
UNPROVEN = {
    f"{PATH}.filesystem.source": "other:/export",
    f"{PATH}.inode": None,
    "destination.mounts": None,
}


def compared(**counts):
    """Return a file that no name proves, compared by content."""
    return {**UNPROVEN, "probes.contents": [{"target": "vda", **counts}]}


def opened(here, there):
    """Return a network disk that both hosts opened."""
    return {
        **network_disk({"name": "filer"}),
        "probes.source_disks": [{"target": "vda", "answer": {"opens": True, **here}}],
        "probes.disks": [{"target": "vda", "answer": {"opens": True, **there}}],
    }


ONE, TWO = ({"serverAddresses": [each]} for each in ("192.0.2.1", "192.0.2.2"))
EQUAL = {"comparedCount": 60, "equalCount": 60, "tellingCount": 40}
ANOTHER = {"comparedCount": 60, "equalCount": 59, "tellingCount": 40}
CONTENTS = [
    ("not compared", UNPROVEN, "NO_IDEA"),
    ("could not be compared", compared(error="Permission denied"), "NO_IDEA"),
    ("equal content", compared(**EQUAL), "PROBABLY_YES"),
    ("equal content and a lock", compared(**EQUAL, imageLocked=True), "PROBABLY_YES"),
    (
        "equal zeros and a lock",
        compared(comparedCount=60, equalCount=60, imageLocked=True),
        "NO_IDEA",
    ),
    ("equal zeros", compared(comparedCount=60, equalCount=60), "NO_IDEA"),
    ("another content", compared(**ANOTHER), "NO"),
    (
        "another content, maybe not yet written",
        {**compared(**ANOTHER), "vm.disks[0].cache": "writeback"},
        "PROBABLY_NO",
    ),
    (
        "all another content, whatever is not yet written",
        {
            **compared(comparedCount=60, tellingCount=60),
            "vm.disks[0].cache": "writeback",
        },
        "NO",
    ),
    ("what the guest writes is seen there", compared(**EQUAL, followedCount=1), "YES"),
    (
        "names that are firm stand",
        {"probes.contents": [{"target": "vda", "comparedCount": 9}]},
        "YES",
    ),
    (
        "equal content of what nobody writes",
        {
            "vm.disks[0].source.path.filesystem": {
                "type": "ext4",
                "source": "/dev/sda1",
                "mountPoint": "/",
                "root": "/",
            },
            "vm.disks[0].read_only": True,
            "probes.contents": [{"target": "vda", **EQUAL}],
        },
        "PROBABLY_YES",
    ),
    (
        "equal content of devices with nothing in common",
        {
            "vm.disks[0].source.type": "block",
            "vm.disks[0].source.path.kind": "block",
            "vm.disks[0].source.path.block": {"name": "sda", "wwn": "w"},
            f"{PATH}.size_bytes": 5,
            "probes.contents": [{"target": "vda", **EQUAL}],
        },
        "NO_IDEA",
    ),
    ("a network disk, on one server", opened(ONE, ONE), "YES"),
    ("a network disk, its name leads elsewhere there", opened(ONE, TWO), "NO_IDEA"),
    (
        "a network disk, one of its servers is the same",
        opened({"serverAddresses": ["192.0.2.1", "192.0.2.2"]}, TWO),
        "YES",
    ),
    ("a network disk, the name not looked up here", opened({}, TWO), "YES"),
    (
        "a network disk of another size, as both open it",
        opened({"virtualSizeBytes": "1024"}, {"virtualSizeBytes": "2048"}),
        "NO",
    ),
    (
        "a network disk of another size",
        {
            "vm.disks[0].source": {
                "type": "network",
                "protocol": "nbd",
                "name": "e",
                "virtualSizeBytes": "1024",
                "hosts": [{"name": "a"}],
            },
            "probes.disks": [
                {"target": "vda", "answer": {"opens": True, "virtualSizeBytes": "2048"}}
            ],
        },
        "NO",
    ),
]
