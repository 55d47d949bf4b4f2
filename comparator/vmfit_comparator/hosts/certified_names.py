"""Whether the name that a host gives itself is one that its certificate has."""

import ipaddress
from collections.abc import Iterable, Sequence

_SHOWN_NAMES = 5
# Names that certificates of any machine may have.
_NO_MACHINE = ("localhost", "localhost.localdomain")


def names_the_host(names: Iterable[str], hostname: str) -> bool:
    """Return whether one of a certificate's DNS names is the host's name.

    Where one of both has no domain, the first label decides; "*" stands for a first label. A
    certificate for addresses says nothing of a host's name, so that any will do.
    """
    told = [each.lower().rstrip(".") for each in names]
    dns = [each for each in told if not is_address(each) and each not in _NO_MACHINE]
    wanted = hostname.lower().rstrip(".").split(".")
    return not dns or any(_is_same(each.split("."), wanted) for each in dns)


def other_name(hostname: str, names: Sequence[str]) -> str:
    """Return what to say of a host whose certificate does not have its name."""
    shown = ", ".join(ascii(each[:100]) for each in names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return (
        f"answers as {hostname[:253]!a}, but its certificate is for {shown}{more}; if both are "
        "right, say so by expect_hostname in the inventory"
    )


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
