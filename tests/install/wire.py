"""What the machines of a site are connected by: network namespaces that outlive a reboot."""

import contextlib
import os
import subprocess

# The wire is the comparator's: a bridge there, with a cable to each host.
MIDDLE = "vmfit"
HOSTS = ("alpha", "beta")
ADDRESSES = {"vmfit": "192.0.2.1", "alpha": "192.0.2.11", "beta": "192.0.2.12"}


def namespace(name: str) -> str:
    """Return the name of a machine's network namespace."""
    return f"vmfit-{os.getpid()}-{name}"


def connect(stack: contextlib.ExitStack) -> None:
    """Make the namespaces and connect them; the stack takes them away."""
    for name in ADDRESSES:
        _do("ip", "netns", "add", namespace(name))
        stack.callback(_do, "ip", "netns", "del", namespace(name))
    middle = ("ip", "-n", namespace(MIDDLE))
    _do(*middle, "link", "add", "wire", "type", "bridge")
    for name in HOSTS:
        peer = ("peer", "name", "eth0", "netns", namespace(name))
        _do(*middle, "link", "add", f"to-{name}", "type", "veth", *peer)
        _do(*middle, "link", "set", f"to-{name}", "master", "wire", "up")
    for name, address in ADDRESSES.items():
        device = "wire" if name == MIDDLE else "eth0"
        inside = ("ip", "-n", namespace(name))
        _do(*inside, "addr", "add", f"{address}/24", "dev", device)
        for each in ("lo", device):
            _do(*inside, "link", "set", each, "up")


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
