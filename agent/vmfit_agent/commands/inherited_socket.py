"""The unix socket that systemd has opened for a service."""

import socket

from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.service_manager import listening_sockets


def inherited_socket() -> socket.socket | None:
    """Return the unix socket on which systemd listens for this process; None if it does not.

    Raises AskedWronglyError for anything else that it may have been told to hand over.
    """
    inherited = listening_sockets()
    if not inherited:
        return None
    first = inherited[0]
    kind = (first.family, first.type)
    if len(inherited) > 1 or kind != (socket.AF_UNIX, socket.SOCK_STREAM):
        raise AskedWronglyError(
            "the .socket unit must have one ListenStream= with the path of a unix socket"
        )
    return first
