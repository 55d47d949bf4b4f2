"""Two real libvirt hosts on one machine: own namespaces, a cable between them, a shared disk.

Each host is pid 1 of its own mount, UTS, IPC, network and pid namespaces with its own
/etc/libvirt, /var/lib/libvirt, /run, /sys and hostname, so that libvirtd and QEMU run as on a
machine of their own (QEMU emulates, except where a host is given /dev/kvm). Ending pid 1 ends the
host and everything it started. Needs root and Debian's libvirt, QEMU and bindfs.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from control_group import make_group, remove_group

SHARED = "/srv/shared"
"""A directory that both hosts see through a file system that libvirt counts as shared."""
PLAIN = "/srv/plain"
"""The same directory, by a mount that looks local to libvirt."""
LOCAL = "/srv/local"
"""A directory of each host's own."""
_OWN = (
    "etc/libvirt",
    "var/lib/libvirt",
    "var/log/libvirt",
    "var/cache/libvirt",
    "var/lib/swtpm-localca",
)
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LIBVIRT_DEFAULT_URI": "qemu:///system",
    "LC_ALL": "C.UTF-8",
}
_UNSHARE = ("unshare", "-muinp", "--fork", "--kill-child", "--mount-proc")
# Reaps what loses its parent: QEMU daemonizes, and libvirt waits for its zombie to go. Ends, and
# the host with it, when the program that made the lab is gone and the pipe from it closed.
_INIT = """
import os, select
print("up", flush=True)
while not select.select([0], [], [], 0.05)[0]:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""
# The machine's cgroup mounts below /sys go with the old sysfs, or libvirt tries to use them.
_BUILD = r"""
set -e
own=$1 shared=$2
mount --make-rprivate /
umount -R -l /sys && mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run && mkdir -p /run/lock /run/libvirt
mount -t tmpfs tmpfs /var/log
chown tss:tss $own/var/lib/swtpm-localca 2>/dev/null || true
for dir in etc/libvirt var/lib/libvirt var/log/libvirt var/cache/libvirt var/lib/swtpm-localca; do
  mkdir -p /$dir && mount --bind $own/$dir /$dir
done
for file in hosts hostname machine-id resolv.conf; do
  touch /etc/$file && mount --bind $own/$file /etc/$file
done
mount -t tmpfs tmpfs /srv && mkdir -p /srv/local /srv/shared /srv/plain
mount --bind $own/local /srv/local
mount --bind $shared /srv/plain
dev=$own/dev
mkdir $dev && mount -t tmpfs -o mode=755 tmpfs $dev && cd $dev
mkdir net pts shm hugepages
while read name major minor; do mknod -m 666 $dev/$name c $major $minor; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
net/tun 10 200
END
ln -s /proc/self/fd $dev/fd && ln -s pts/ptmx $dev/ptmx
mount -t devpts -o newinstance,ptmxmode=666 devpts $dev/pts
mount -t tmpfs tmpfs $dev/shm && mount -t hugetlbfs hugetlbfs $dev/hugepages
cd / && umount -R -l /dev && mount --move $dev /dev
bindfs -o subtype=glusterfs,fsname=storage:/guests $shared /srv/shared
hostname "$(cat /etc/hostname)"
ip link set lo up
"""
_START_LIBVIRTD = r"""
virtlogd -d 2>/dev/null || true
libvirtd -d --listen
for attempt in $(seq 300); do virsh -q uri >/dev/null 2>&1 && exit 0; sleep 0.05; done
tail -5 /var/log/libvirt/libvirtd.log >&2; exit 1
"""


class LabError(Exception):
    """The lab itself does not work; says nothing about what is tested in it."""


@dataclass
class Host:
    """One host of the lab."""

    name: str
    address: str
    uuid: str
    state: Path
    before_libvirt: str = ""
    """Shell commands that run before libvirtd starts."""
    libvirt: bool = True
    kvm: bool = False
    """Whether it has the machine's /dev/kvm."""
    preload: Path | None = None
    """A library that every program in the host is started with."""
    hostname: str = ""
    """What the host calls itself, if not by its name."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """Limits of the control group that libvirtd starts in: memory (bytes), cpus (a list)."""
    pid: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    groups: list[Path] = field(default_factory=list)

    def run(
        self, command: str, *, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command inside the host."""
        done = subprocess.run(
            [*self.enter(), "bash", "-c", command],
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise LabError(f"{self.name}: {command}: {done.stderr or done.stdout}")
        return done

    def spawn(self, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program inside the host that lives until it ends or the lab does."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.enter(), *arguments],
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    def enter(self) -> list[str]:
        """Return the command that runs another inside the host."""
        inside = ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p"]
        return [*inside, "env", f"LD_PRELOAD={self.preload}"] if self.preload else inside

    def boot(self, shared: Path) -> None:
        """Make the namespaces and what is in them; libvirtd comes later, with the network."""
        self._configure()
        parent = subprocess.Popen(
            [*_UNSHARE, sys.executable, "-c", _INIT],
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(parent)
        assert parent.stdout is not None
        if parent.stdout.readline() != b"up\n":
            raise LabError(f"{self.name}: the namespaces could not be made")
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
        self.pid = int(children.split()[0])
        self._script(_BUILD, str(self.state), str(shared))
        if self.kvm:
            self.run("mknod -m 666 /dev/kvm c 10 232")

    def start_libvirt(self) -> None:
        """Start libvirtd, within the host's limits, and wait until it answers."""
        if self.before_libvirt:
            self.run(self.before_libvirt)
        if self.libvirt:
            self.groups = [make_group(f"vmfit-{self.pid}", *each) for each in self.limits.items()]
            join = "".join(f"echo 0 > {group}/cgroup.procs && " for group in self.groups)
            self._script(_START_LIBVIRTD, outside=join)

    def _script(self, script: str, *arguments: str, outside: str = "") -> None:
        inside = [*self.enter(), "bash", "-c", script, "lab", *arguments]
        done = subprocess.run(
            ["bash", "-c", outside + 'exec "$@"', "lab", *inside],
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{self.name}: {done.stderr or done.stdout}")

    def _configure(self) -> None:
        for directory in _OWN[1:]:
            (self.state / directory).mkdir(parents=True)
        (self.state / "local").mkdir()
        shutil.copytree("/etc/libvirt", self.state / "etc/libvirt", symlinks=True)
        for network in (self.state / "etc/libvirt/qemu/networks").glob("**/*.xml"):
            network.unlink()
        (self.state / "var/log/libvirt/qemu").mkdir()
        for directory in ("boot", "dnsmasq", "images", "qemu", "swtpm"):
            (self.state / "var/lib/libvirt" / directory).mkdir()
        (self.state / "hostname").write_text(f"{self.hostname or self.name}\n")
        (self.state / "resolv.conf").write_text("")
        (self.state / "machine-id").write_text(self.uuid.replace("-", "") + "\n")
        with (self.state / "etc/libvirt/libvirtd.conf").open("a") as config:
            config.write(
                f'\nlisten_tls = 0\nlisten_tcp = 1\nauth_tcp = "none"\nauth_unix_rw = "none"\n'
                f'listen_addr = "{self.address}"\nhost_uuid = "{self.uuid}"\n'
                'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n'
            )
        with (self.state / "etc/libvirt/qemu.conf").open("a") as config:
            config.write(
                '\nuser = "root"\ngroup = "root"\nsecurity_driver = "none"\n'
                'stdio_handler = "file"\nremember_owner = 0\n'
            )

    def end(self) -> None:
        """End everything that runs in the host."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait(timeout=20)
        for group in self.groups:
            remove_group(group)


@contextmanager
def lone_host(directory: Path) -> Iterator[Host]:
    """Make one host with libvirtd and without a network; `directory` is its own, and empty."""
    host = Host("oak", "127.0.0.1", "0c000000-0000-4000-8000-00000000000c", directory / "oak")
    shared = directory / "shared"
    shared.mkdir()
    host.state.mkdir()
    (host.state / "hosts").write_text("127.0.0.1 localhost oak\n")
    try:
        host.boot(shared)
        host.start_libvirt()
        yield host
    finally:
        host.end()


class Lab:
    """Both hosts; use as a context manager."""

    def __init__(
        self,
        directory: Path,
        *,
        source: Mapping[str, Any] = MappingProxyType({}),
        **destination: Any,
    ) -> None:
        """`source` and `destination` set fields of the Hosts; `directory` is the lab's own."""
        self.directory = directory
        self.shared = directory / "shared"
        uuid = "0a000000-0000-4000-8000-00000000000a"
        self.source = Host("ash", "10.88.0.1", uuid, directory / "ash", **source)
        fields = {"uuid": "0b000000-0000-4000-8000-00000000000b", **destination}
        self.destination = Host("birch", "10.88.0.2", state=directory / "birch", **fields)

    @property
    def hosts(self) -> tuple[Host, Host]:
        """Source and destination."""
        return self.source, self.destination

    def __enter__(self) -> Self:
        try:
            self._up()
        except BaseException:
            self._down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._down()

    def _up(self) -> None:
        self.shared.mkdir(parents=True)
        table = "127.0.0.1 localhost\n" + "".join(f"{h.address} {h.name}\n" for h in self.hosts)
        for host in self.hosts:
            host.state.mkdir()
            own = f"{host.address} {host.hostname}\n" if host.hostname else ""
            (host.state / "hosts").write_text(table + own)
            host.boot(self.shared)
        first, second = self.hosts
        cable = f"ip link add eth0 type veth peer name eth0 netns {second.pid}"
        subprocess.run(["nsenter", "-t", str(first.pid), "-n", *cable.split()], check=True)
        for host in self.hosts:
            host.run(f"ip addr add {host.address}/24 dev eth0 && ip link set eth0 up")
        for host in self.hosts:
            host.start_libvirt()

    def _down(self) -> None:
        for host in self.hosts:
            host.end()
        for _ in range(50):
            shutil.rmtree(self.directory, ignore_errors=True)
            if not self.directory.exists():
                return
            time.sleep(0.1)
