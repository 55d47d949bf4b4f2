"""Can the destination open what is behind serial ports, channels and other devices?"""

from collections.abc import Iterator

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.probe_pb2 import ConnectOutcome, ProbeAnswers
from vmfit.v1.vm_pb2 import CharacterDevice, OtherDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    all_of,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.device_paths import creatable, existing, served
from vmfit_comparator.knowledge.device_servers import probe_of, why_not_tried
from vmfit_comparator.knowledge.devices import character_devices, devices
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use

_FAILURES = {
    ConnectOutcome.CONNECT_OUTCOME_REFUSED: "is refused by",
    ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT: "gets no answer from",
    ConnectOutcome.CONNECT_OUTCOME_UNREACHABLE: "has no way to",
    ConnectOutcome.CONNECT_OUTCOME_UNRESOLVED: "cannot resolve",
}


_TRY_AGAIN = change_definition(
    "Let QEMU try again until it answers (--xml)", "source/reconnect", "1"
)


@fact(
    each=(character_devices, devices),
    reads=(
        *("destination.network.interfaces.addresses", "destination.network.listening_ports"),
        *("destination.network.udp_ports", "probes.device_servers", "probes.device_names"),
        "probes.not_asked",
    ),
)
def chardev_paths(device: CharacterDevice | OtherDevice, case: Case) -> Result | None:
    """Look up files, sockets, pipes and devices behind character devices, RNGs and the like.

    A file, a listening socket and a log need their directory, writable; a device, a pipe (PATH, or
    PATH.in and PATH.out), and a socket to connect to must exist: else NO. A listening address that
    the destination lacks, a port in use there, and a client of a port of the destination's own
    where nothing listens are NO; a UDP port in use is PROBABLY_NO, for two programs that both want
    to may share it. So is a socket where nothing is known to listen. The destination connects to
    servers of other hosts: refused, unreachable or without an address is NO, silent PROBABLY_NO,
    not tried PROBABLY_YES. Paths that libvirt chooses are fine, and so are clients that try again,
    of a socket that is there. Shared memory that is there and smaller than the definition says is
    NO.

    Source: stat(2), connect(2) on the destination; /proc/net/unix; libvirt's formatdomain,
    consoles; QEMU's inet_dgram_saddr.
    """
    if isinstance(device, OtherDevice):
        return _other(device) if device.path.path else None
    found = list(_character_device(device, case))
    return all_of(*found) if found else None


def _character_device(device: CharacterDevice, case: Case) -> Iterator[Result]:
    field = "incoming.character_devices.path"
    if device.log.path:
        yield creatable(device.log, "incoming.character_devices.log")
    if device.type in ("tcp", "udp"):
        yield _listener(device, case)
    elif device.path.path and not device.automatic_path:
        if device.type == "file" or (device.type == "unix" and device.mode != "connect"):
            yield creatable(device.path, field)
        elif device.type == "pipe":
            yield _pipe(device)
        elif device.type == "unix" and not device.reconnects:
            yield served(device.path, field)
        elif device.type in ("dev", "unix"):
            # libvirt gives the socket to QEMU's user, whether anybody listens there or not.
            yield existing(device.path, field)


def _other(device: OtherDevice) -> Result:
    path = device.path
    if device.kind != "shmem" or device.model == "ivshmem-doorbell":
        return existing(path, "incoming.other_devices.path")
    if 0 < path.size_bytes < device.size_bytes:
        remedy = Remedy(summary=f"Remove {path.path}, if nothing uses it")
        sizes = f"{path.size_bytes} bytes there, {device.size_bytes} in the definition"
        return no(f"{path.path} is too small: {sizes}", remedies=[remedy])
    return yes(f"QEMU makes {path.path}, or takes what is there")


def _pipe(device: CharacterDevice) -> Result:
    if device.pipe_ends and all(end.exists for end in device.pipe_ends):
        return yes(f"{' and '.join(end.path for end in device.pipe_ends)} are there")
    return existing(device.path, "incoming.character_devices.path")


def _client(device: CharacterDevice, place: str, case: Case) -> Result:
    if device.reconnects:
        return yes(f"it tries {place} until that answers")
    network = case.destination.network
    local = has_address(device.host, network)
    if device.type == "udp":
        return _sender(device, place, case.probes)
    if not local:
        return _elsewhere(device, place, case.probes)
    if not network.listening_ports:
        return probably_yes(f"it connects to {place}, which was not tried from there")
    if is_in_use(device.host, device.port, network.listening_ports):
        return yes(f"something listens at {place} on the destination")
    remedies = [Remedy(summary=f"Start the server at {place} on the destination"), _TRY_AGAIN]
    return no(
        f"it connects to {place}, where nothing listens on the destination", remedies=remedies
    )


def _sender(device: CharacterDevice, place: str, probes: ProbeAnswers) -> Result:
    """Judge a device that sends UDP: whether anybody receives it, nobody knows."""
    named = next((each for each in probes.device_names if each.name == device.host), None)
    if named is not None and named.HasField("answer") and not named.answer.addresses:
        remedy = Remedy(summary=f"Let the destination resolve {device.host}")
        return no(f"the destination cannot resolve {device.host}", remedies=[remedy])
    return yes(f"it can send to {place}")


def _elsewhere(device: CharacterDevice, place: str, probes: ProbeAnswers) -> Result:
    probe = probe_of((device.host, device.port), probes)
    if probe is None:
        why = why_not_tried((device.host, device.port), probes)
        tried = f"it connects to {place}, which was not tried from there"
        return probably_yes(f"{tried}{f': {why}' if why else ''}")
    outcome = probe.answer.outcome
    if outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED:
        return yes(f"the destination connects to {place}")
    if outcome not in _FAILURES:
        return no_idea(f"what became of a connection to {place} is not known")
    remedies = [Remedy(summary=f"Let the destination connect to {place}"), _TRY_AGAIN]
    text = f"the destination {_FAILURES[outcome]} {place}, which it is a client of"
    if outcome == ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT:
        return probably_no(text, probability=0.05, remedies=remedies)
    return no(text, remedies=remedies)


def _listener(device: CharacterDevice, case: Case) -> Result:
    place = f"{device.host}:{device.port}"
    if device.mode != "bind":
        return _client(device, place, case)
    if not case.destination.HasField("network"):
        return no_idea("the destination's network is not known", missing=["destination.network"])
    network = case.destination.network
    if has_address(device.host, network) is False:
        return no(
            f"{device.host}, where it listens, is no address of the destination",
            remedies=[_listen_elsewhere(device, "host")],
        )
    remedies = [_listen_elsewhere(device, "service")]
    text = (
        f"{device.type.upper()} port {device.port}, where it listens, is in use on the destination"
    )
    if device.type == "tcp" and is_in_use(device.host, device.port, network.listening_ports):
        return no(text, remedies=remedies)
    if device.type == "udp" and is_in_use(device.host, device.port, network.udp_ports):
        # QEMU sets SO_REUSEADDR, which helps where the other program has set it too.
        return probably_no(f"{text}, and not known to be shared", remedies=remedies)
    return yes(f"it can listen at {place}")


def _listen_elsewhere(device: CharacterDevice, what: str) -> Remedy:
    summary = f"Give the {device.kind} another address to listen at (--xml)"
    return change_definition(summary, f"{device.kind}/source/@{what}", "")
