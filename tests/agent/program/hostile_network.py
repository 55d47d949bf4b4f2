"""A network of its own with a recorder at every address, and names that lead to all of them."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

OWN = "198.18.7.1"
"""Where probes may go: an address of the network, at which the recorder is, too."""
NEVER = ("127.0.0.1", "127.0.0.5", "169.254.169.254", "::1", "fd00:ec2::254")
NAMES = {
    "peer.test": (OWN,),
    "loop.test": ("127.0.0.5",),
    "loop6.test": ("::1",),
    "link.test": ("169.254.169.254",),
    "both.test": ("127.0.0.1", "169.254.169.254"),
}
SETUP = """set -e
ip link set lo up
ip link add hostile0 type veth peer name hostile1
ip address add {own}/24 dev hostile0
ip address add 169.254.169.254/32 dev hostile0
ip address add fd00:ec2::254/128 dev hostile0 nodad
ip link set hostile0 up
mount --bind "$1" /etc/hosts
shift
exec "$@"
"""


class HostileNetwork:
    """The recorder, in namespaces of its own; what runs `within` has its network."""

    def __init__(self, directory, unix_sockets=()):
        if os.geteuid() != 0:
            pytest.skip("needs root, for a network of its own")
        for name in ("unshare", "nsenter", "ip"):
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed")
        self._log = directory / "recorder.log"
        hosts = directory / "hosts"
        hosts.write_text("".join(
            f"{address} {name}\n" for name, found in NAMES.items() for address in found
        ))  # fmt: skip
        program = (sys.executable, str(Path(__file__).with_name("recorder.py")), str(self._log))
        apart = ("--net", "--mount", "--propagation", "private")
        setup = ("sh", "-c", SETUP.format(own=OWN), "sh", str(hosts))
        self._process = subprocess.Popen(
            ["unshare", *apart, "--", *setup, *program, *map(str, unix_sockets)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.within = ("nsenter", "--target", str(self._process.pid), "--net", "--mount", "--")
        for _ in range(400):
            if self._log.exists() and "ready" in self._log.read_text():
                return
            if self._process.poll() is not None:
                why = self._process.stderr.read().decode()
                if "not permitted" in why:
                    pytest.skip(f"no network of its own: {why}")
                pytest.fail(f"the recorder ended: {why}")
            time.sleep(0.05)
        self.end()
        pytest.fail("the recorder does not begin")

    def connected(self):
        """Return the (address, port) of all connections so far, in order."""
        time.sleep(0.2)
        return [(each["to"], each["port"]) for each in self._lines() if "to" in each]

    def said(self, port):
        """Return what was said to a port, connection by connection."""
        return [each["got"] for each in self._lines() if "got" in each and each["port"] == port]

    def forget(self):
        self._log.write_text("")

    def _lines(self):
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def end(self):
        self._process.kill()
        self._process.communicate(timeout=10)
