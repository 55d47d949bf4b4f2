"""Does a network disk open from this host, as QEMU would open it?"""

import os
import socket
from collections.abc import Sequence

from vmfit.v1.probe_pb2 import DiskAnswer, OpenDisk
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_agent.host import Host
from vmfit_agent.probes.as_user import may_act_for_others
from vmfit_agent.probes.disk_places import (
    Place,
    alternatives,
    disk_places,
    require_open_disk,
    server_addresses,
)
from vmfit_agent.probes.disk_sockets import disk_at_socket, is_by_socket
from vmfit_agent.probes.http_disk import open_http
from vmfit_agent.probes.image_options import image_options
from vmfit_agent.probes.image_program import ImageProgram, one_line
from vmfit_agent.probes.nbd_export import is_read_only
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.qemu_img import QEMU_IMG, qemu_img
from vmfit_agent.probes.qemu_user import QemuUser, qemu_user
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable

_WEB = ("http", "https")
# What their servers allow depends on who asks.
_BY_USER = ("gluster", "nfs", "rbd")
_ENOUGH_SECONDS = 2.0
"""A server that lets QEMU wait as long is none to rely on: the first packet was sent twice."""


def allow_opening(question: OpenDisk, _host: Host, rules: NetworkRules) -> None:
    """Raise NotAllowed for servers that the rules leave out, or for a query."""
    require_open_disk(question.source, rules)


def open_disk(question: OpenDisk, terms: Terms) -> DiskAnswer:
    """Let QEMU's own block driver open the disk read-only, with the rights of QEMU's user.

    A server that does not answer in the time is an answer after two seconds, Unanswerable after
    less. Files of web servers are asked for without QEMU, whose driver would go wherever they
    redirect it. Raises NotAllowed for places that the rules leave out.
    Source: qemu-img info --image-opts; qemu-nbd --list; getaddrinfo(3); HTTP HEAD.
    """
    path = qemu_img()
    if path is None:
        raise Unanswerable(f"{QEMU_IMG} is not installed")
    program = ImageProgram(path, _other_user(terms.host), terms)
    try:
        return _open(question.source, program, terms)
    except Unanswerable:
        # Whether QEMU has the driver is known even so.
        missing = program.missing_driver(question.source.protocol)
        if missing is None:
            raise
        return missing
    except TimeoutError:
        return _timed_out(terms.seconds)


def _other_user(host: Host) -> QemuUser | None:
    """Return QEMU's user where it is not this process's own and this process may become it."""
    if not may_act_for_others():
        return None
    user = qemu_user(host)
    return user if user.user_id != 0 else None


def _open(source: StorageSource, program: ImageProgram, terms: Terms) -> DiskAnswer:
    if source.protocol in _WEB:
        return program.missing_driver(source.protocol) or _open_by_http(source, terms)
    image_options(source)
    if is_by_socket(source):
        return _opened(disk_at_socket(source, terms), [], program, terms)
    try:
        places = disk_places(source, terms.rules)
    except socket.gaierror as error:
        missing = program.missing_driver(source.protocol)
        return missing or DiskAnswer(reason=f"address resolution failed: {error.strerror}")
    answer = _opened(source, places, program, terms)
    refused = not answer.opens and not answer.driver_missing
    if refused and source.protocol in _BY_USER and not _as_qemu(program, terms.host):
        raise Unanswerable(f"it does not open for a user who is not QEMU's: {answer.reason}")
    return answer


def _open_by_http(source: StorageSource, terms: Terms) -> DiskAnswer:
    try:
        places = disk_places(source, terms.rules)
    except socket.gaierror as error:
        return DiskAnswer(reason=f"Could not resolve host: {error.strerror}")
    if not places:
        raise Unanswerable(f"the {source.protocol} disk names no host")
    answer = open_http(source, places[0], terms.left())
    answer.reason = one_line(answer.reason)
    if answer.opens:
        answer.server_addresses.extend(server_addresses(places))
    return answer


def _opened(
    source: StorageSource, places: Sequence[Place], program: ImageProgram, terms: Terms
) -> DiskAnswer:
    """Try one alternative after the other until one opens; the last one's failure counts."""
    tried = alternatives(source, places) or [source]
    for index, alternative in enumerate(tried):
        last = index == len(tried) - 1
        try:
            answer = program.open(image_options(alternative), terms.left() / (len(tried) - index))
        except TimeoutError:
            if last:
                raise
            continue
        if answer.opens or last:
            break
    if answer.opens and source.protocol == "nbd":
        read_only = is_read_only(alternative, program.path, program.user, terms.left())
        if read_only is not None:
            answer.read_only = read_only
    if answer.opens:
        answer.server_addresses.extend(server_addresses(places))
    return answer


def _as_qemu(program: ImageProgram, host: Host) -> bool:
    """Return whether the program has QEMU's user, or no other user of QEMU's is known."""
    try:
        user = qemu_user(host)
    except Unanswerable:
        return True
    return program.user is not None or os.geteuid() == user.user_id


def _timed_out(seconds: float) -> DiskAnswer:
    if seconds < _ENOUGH_SECONDS:
        raise Unanswerable(
            f"QEMU did not open it within {seconds:.1f} s, the rest of the time for an answer"
        )
    return DiskAnswer(reason=f"no answer within {seconds:.1f} s", timed_out_seconds=seconds)
