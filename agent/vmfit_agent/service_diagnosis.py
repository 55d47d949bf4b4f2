"""Whether the agent can serve as it is configured: its certificates and its address."""

import errno
import os
import pwd
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vmfit_agent.diagnosis import Check
from vmfit_agent.probes.as_user import call_as
from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_contract.address import Address
from vmfit_contract.tls_files import LIBVIRT_SERVER, TlsError, chosen_files
from vmfit_contract.tls_report import FileReport, read_bounded, report
from vmfit_contract.unit_report import unit_reports

_AREA = "service"
# What the packages and the units call the user of the serving process.
_USERS = ("vmfit-agent", "vmfit")
_COLLECTS = ("vmfit-collect",)
# vmfit-probe.service starts when it is asked.
_UNITS = (
    "vmfit-collect.socket", "vmfit-collect.service", "vmfit-probe.socket", "vmfit-agent.service",
)  # fmt: skip
_LIBVIRT_SOCKETS = ("run/libvirt/libvirt-sock", "run/libvirt/virtqemud-sock")
_PROGRAM = "vmfit-agent"
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Serving:
    """How the agent is configured to serve."""

    listen: Address
    insecure: bool
    certificate: Path | None
    key: Path | None
    authority: Path | None


def diagnose_service(serving: Serving) -> Iterator[Check]:
    """Yield a check for every TLS file, then for the address, the units and libvirt's sockets."""
    yield from _tls_checks(serving)
    yield _address_check(serving.listen)
    for each in unit_reports(_UNITS):
        is_essential = each.state == "missing"
        yield _check(each.name, each.state, each.reasons, each.remedies, is_essential=is_essential)
    yield from libvirt_checks()


def libvirt_checks(root: Path = Path("/")) -> Iterator[Check]:
    """Yield whether the collecting process's user may open libvirt's sockets.

    Nothing where there is no such user, or where only root could try as that user.
    """
    user = _service_user(_COLLECTS)
    if user is None or os.geteuid() != 0:
        return
    for path in (root / each for each in _LIBVIRT_SOCKETS):
        if path.exists():
            yield _libvirt_check(user, path)


def _libvirt_check(user: QemuUser, path: Path) -> Check:
    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_CONNECT_SECONDS)
            client.connect(str(path))

    name = f"{path} for {user.name}"
    try:
        call_as(user, connect)
    except PermissionError as error:
        reasons = (error.strerror or str(error),)
        remedy = f"usermod -aG libvirt {user.name}, then: systemctl restart vmfit-collect"
        return _check(name, "missing", reasons, (remedy,), is_essential=True)
    except (OSError, Unanswerable) as error:
        return _check(name, "partly", (str(error),), ("start libvirt",))
    return _check(name, "ok")


def _tls_checks(serving: Serving) -> Iterator[Check]:
    named = (serving.certificate, serving.key, serving.authority)
    try:
        files = chosen_files(*named, LIBVIRT_SERVER)
    except TlsError as error:
        remedy = "set all of tls_cert, tls_key and tls_ca in /etc/vmfit/agent.toml"
        yield _check("TLS", "missing", (str(error),), (remedy,), is_essential=True)
        return
    if files is None:
        yield _without_files(serving)
        return
    called = () if serving.listen.is_loopback else _own_names()
    for each in report(files, as_server=True, called=called, read=_reader()):
        yield _file_check(each, is_essential=any(named))


def _without_files(serving: Serving) -> Check:
    remedy = "issue certificates (vmfit certs agent), set tls_cert, tls_key and tls_ca"
    if serving.listen.is_unix:
        return _check("TLS", "ok", ("not needed: a unix socket has permissions",))
    if serving.insecure:
        return _check("TLS", "partly", ("off (insecure): anybody may ask, and listen",), (remedy,))
    reasons = ("no certificate: nothing is served over the network",)
    return _check("TLS", "missing", reasons, (remedy,))


def _file_check(each: FileReport, *, is_essential: bool) -> Check:
    name = f"TLS {each.path}"
    return _check(name, each.state, each.reasons, each.remedies, is_essential=is_essential)


def _address_check(address: Address) -> Check:
    name = f"address {address}"
    if address.is_unix:
        family, place = socket.AF_UNIX, address.path
        try:
            with socket.socket(family) as client:
                client.connect(place)
        except OSError:
            free = Path(place).parent.is_dir()
            reasons = ("free",) if free else (f"no directory {Path(place).parent}",)
            return _check(name, "ok" if free else "missing", reasons)
        return _check(name, "ok", ("in use, by whoever answers there",))
    try:
        with socket.create_server(
            (address.host, address.port),
            family=socket.AF_INET6 if ":" in address.host else socket.AF_INET,
            dualstack_ipv6=address.host == "::",
        ):
            return _check(name, "ok", ("free",))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _taken_check(name, address.port)
        reasons = (os.strerror(error.errno) if error.errno else str(error),)
        return _check(name, "missing", reasons, ("name an address of this host",))


def _taken_check(name: str, port: int) -> Check:
    owner = _listener(port)
    if owner is None:
        return _check(name, "partly", ("in use; by whom, only root is told",), ("run as root",))
    if owner[1]:
        return _check(name, "ok", (f"in use by {owner[0]}",))
    reasons = (f"taken by {owner[0]}",)
    remedies = ("stop that program, or set another port in listen",)
    return _check(name, "missing", reasons, remedies, is_essential=True)


def _listener(port: int) -> tuple[str, bool] | None:
    """Return who listens on a port, and whether it is an agent; None when that is not told."""
    import psutil  # noqa: PLC0415 -- dear to import, and only asked for here

    try:
        for each in psutil.net_connections("tcp"):
            is_there = each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
            if is_there and each.pid:
                process = psutil.Process(each.pid)
                # Behind the interpreter and its options.
                words = [os.path.basename(word) for word in process.cmdline()[:4]]  # noqa: PTH119
                return f"{process.name()}, pid {each.pid}", _PROGRAM in words
    except psutil.Error:
        return None
    return None


def _own_names() -> tuple[str, ...]:
    name = socket.gethostname()
    return tuple(dict.fromkeys((socket.getfqdn(name), name)))


def _reader() -> Callable[[Path], bytes]:
    """Return what reads a file with the rights of the service's user, if this process may."""
    user = _service_user(_USERS)
    if user is None or os.geteuid() != 0:
        return read_bounded

    def read(path: Path) -> bytes:
        try:
            return call_as(user, lambda: read_bounded(path))
        except Unanswerable:
            return read_bounded(path)

    return read


def _service_user(names: tuple[str, ...]) -> QemuUser | None:
    for name in names:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        groups = tuple(os.getgrouplist(name, found.pw_gid))
        return QemuUser(name, found.pw_uid, found.pw_gid, groups, owns_images=False)
    return None


def _check(
    name: str,
    state: str,
    reasons: tuple[str, ...] = (),
    remedies: tuple[str, ...] = (),
    *,
    is_essential: bool = False,
) -> Check:
    return Check(_AREA, name, state, is_essential, None, reasons, remedies)
