"""Does a network disk open from this host, as QEMU would open it?"""

import contextlib
import json
import os
import re
import socket
import time

from vmfit.v1.probe_pb2 import DiskAnswer, OpenDisk
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_agent.host import Host
from vmfit_agent.probes.bounded_program import Ended, run_program
from vmfit_agent.probes.image_options import driver_options, image_options
from vmfit_agent.probes.nbd_export import is_read_only
from vmfit_agent.probes.qemu_img import QEMU_IMG, qemu_img
from vmfit_agent.probes.qemu_user import QemuUser, qemu_user
from vmfit_agent.probes.resolve_name import look_up
from vmfit_agent.probes.unanswerable import Unanswerable

_MISSING = re.compile(
    r"Unknown (?:driver|protocol)|[Dd]river '[^']*' (?:is not whitelisted|is not supported)"
)
_FAILURE = re.compile(r"^qemu-img: (?:Could not open )?(.*)$", re.MULTILINE)
_SHOWN_CHARACTERS = 500
_ENOUGH_SECONDS = 2.0
"""A server that lets QEMU wait as long is none to rely on: the first packet was sent twice."""


def open_disk(question: OpenDisk, host: Host, seconds: float) -> DiskAnswer:
    """Let QEMU's own block driver open the disk read-only, with the rights of QEMU's user.

    The program is killed when the time is over: that is an answer after two seconds, Unanswerable
    after less.
    Source: qemu-img info --image-opts; qemu-nbd --list; getaddrinfo(3).
    """
    give_up_at = time.monotonic() + seconds
    program = qemu_img()
    if program is None:
        raise Unanswerable(f"{QEMU_IMG} is not installed")
    user = _other_user(host)
    try:
        options, why_not = image_options(question.source), None
    except Unanswerable as error:
        # Whether QEMU has the driver is known even so.
        options, why_not = driver_options(question.source), error
    command = [program, "info", "--output=json", "--force-share", "--image-opts", options]
    left = max(give_up_at - time.monotonic(), 0.01)
    try:
        ended = run_program(command, user, left)
    except TimeoutError:
        if why_not is not None:
            raise why_not from None
        return _timed_out(left)
    answer = _opened(ended) if ended.status == 0 else _failed(ended, options)
    if answer.opens and question.source.protocol == "nbd":
        left = max(give_up_at - time.monotonic(), 0.01)
        read_only = is_read_only(question.source, program, user, left)
        if read_only is not None:
            answer.read_only = read_only
    if answer.opens:
        answer.server_addresses.extend(server_addresses(question.source))
    if why_not is not None and not answer.driver_missing:
        raise why_not
    return answer


def server_addresses(source: StorageSource) -> list[str]:
    """Return the addresses of a network disk's servers as this host's resolver has them, sorted."""
    found: set[str] = set()
    for host in source.hosts:
        if host.name:
            with contextlib.suppress(socket.gaierror, UnicodeEncodeError):
                found.update(address[0] for _, address in look_up(host.name.strip("[]"), 0))
    return sorted(found)


def _other_user(host: Host) -> QemuUser | None:
    """Return QEMU's user where it is not this process's own and this process may become it."""
    if os.geteuid() != 0:
        return None
    user = qemu_user(host)
    return user if user.user_id != 0 else None


def _opened(ended: Ended) -> DiskAnswer:
    answer = DiskAnswer(opens=True)
    try:
        size = json.loads(ended.output)["virtual-size"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return answer
    if isinstance(size, int) and 0 <= size < 1 << 63:
        answer.virtual_size_bytes = size
    return answer


def _timed_out(seconds: float) -> DiskAnswer:
    if seconds < _ENOUGH_SECONDS:
        raise Unanswerable(
            f"QEMU did not open it within {seconds:.1f} s, the rest of the time for an answer"
        )
    return DiskAnswer(reason=f"no answer within {seconds:.1f} s", timed_out_seconds=seconds)


def _failed(ended: Ended, options: str) -> DiskAnswer:
    if ended.status < 0:
        raise Unanswerable(f"{QEMU_IMG} was ended by signal {-ended.status}")
    text = ended.errors.decode(errors="replace")
    words = [line.replace(f"'{options}': ", "") for line in _FAILURE.findall(text)]
    # What a library of QEMU complains of on the way is not why.
    reason = next((line for line in reversed(words) if not line.startswith("GLib")), text)
    return DiskAnswer(
        reason=_plain(reason),
        driver_missing=_MISSING.search(text) is not None,
    )


def _plain(words: str) -> str:
    """Return one line for a terminal: part of it is what a stranger's server said."""
    line = " ".join(words.split())[:_SHOWN_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
