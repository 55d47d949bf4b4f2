"""Whether the name that a host gives itself is one that its certificate has."""

import ipaddress
import socket
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress

_SHOWN_NAMES = 5
_LONGEST_NAME = 253
_LOOK_UP_SECONDS = 2.0
# Names that certificates of any machine may have.
_NO_MACHINE = ("localhost", "localhost.localdomain")


def names_the_host(names: Iterable[str], hostname: str) -> bool:
    """Return whether one of a certificate's DNS names is the host's name.

    Where one of both has no domain, the first label decides; "*" stands for a first label. Names
    that any machine may have, and addresses, name none.
    """
    wanted = hostname.lower().rstrip(".").split(".")
    return any(_is_same(each.split("."), wanted) for each in _of_machines(names))


def names_no_host(names: Iterable[str]) -> bool:
    """Return whether a certificate says nothing of a host's name: it is for addresses alone."""
    return not _of_machines(names)


def leads_to(hostname: str, address: str, seconds: float) -> bool:
    """Return whether the resolver knows the address by the host's name; False if not in time."""
    found: list[str] = []

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            infos = socket.getaddrinfo(hostname[:_LONGEST_NAME], None, type=socket.SOCK_STREAM)
            found.extend(str(place[0]) for *_, place in infos)

    thread = threading.Thread(target=look_up, name="own-name", daemon=True)
    thread.start()
    thread.join(min(max(seconds, 0.0), _LOOK_UP_SECONDS))
    return address in list(found)


def other_name(hostname: str, names: Sequence[str]) -> str:
    """Return what to say of a host whose certificate does not have its name."""
    shown = ", ".join(ascii(each[:100]) for each in names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    nothing = ", which names no host" if names_no_host(names) else ""
    return (
        f"answers as {hostname[:_LONGEST_NAME]!a}, but its certificate is for "
        f"{shown}{more}{nothing}; if both are right, say so by expect_hostname in the inventory"
    )


def _of_machines(names: Iterable[str]) -> list[str]:
    told = [each.lower().rstrip(".") for each in names]
    return [each for each in told if not is_address(each) and each not in _NO_MACHINE]


def _is_same(certified: Sequence[str], wanted: Sequence[str]) -> bool:
    if certified[0] not in ("*", wanted[0]):
        return False
    return len(certified) == 1 or len(wanted) == 1 or certified[1:] == wanted[1:]


def is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
