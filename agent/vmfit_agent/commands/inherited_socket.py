"""The unix socket that systemd has opened for a service."""

import socket

from vmfit_agent.commands.options import CommandError
from vmfit_contract.service_manager import listening_sockets


def inherited_socket() -> socket.socket | None:
    """Return the unix socket on which systemd listens for this process; None if it does not.

    Raises CommandError for anything else that it may have been told to hand over.
    """
    inherited = listening_sockets()
    if not inherited:
        return None
    first = inherited[0]
    kind = (first.family, first.type)
    if len(inherited) > 1 or kind != (socket.AF_UNIX, socket.SOCK_STREAM):
        raise CommandError(
            "the .socket unit must have one ListenStream= with the path of a unix socket"
        )
    return first
