"""Changes to a healthy migration that concern its disk."""

from tests.comparator.builders import GIB

DISK = "disks[0]"
THERE = f"incoming.{DISK}"
PATH = f"{THERE}.source.path"
EXT4 = {"type": "ext4", "source": "/dev/sda1", "mountPoint": "/", "root": "/", "uuid": "u-1"}
BASE = {
    f"vm.{DISK}.backing_chain": [
        {
            "type": "file",
            "format": "raw",
            "virtualSizeBytes": GIB,
            "path": {"path": "/var/base.img", "exists": True, "inode": 7, "filesystem": EXT4},
        }
    ]
}
BASE_THERE = f"{THERE}.backing_chain[0]"
BOTH_PATH = f"vm.{DISK}.source.path"
LOCAL = {f"{BOTH_PATH}.filesystem": EXT4}
BLOCK = {f"vm.{DISK}.source.type": "block", f"{BOTH_PATH}.kind": "block"}


def block(**identity):
    return {**BLOCK, f"{BOTH_PATH}.block": {"name": "sda", **identity}}


VHOST_USER = {"type": "vhostuser", "path": {"path": "/run/disk", "exists": True}}
ONE_KERNEL = {"hosts.identity.boot_id": "same", **LOCAL}
DATA_FILE = {
    f"vm.{DISK}.source.data_file": {
        "path": "/srv/local/data",
        "exists": True,
        "kind": "file",
        "inode": "7",
        "sizeBytes": str(GIB),
        "filesystem": EXT4,
    },
}
