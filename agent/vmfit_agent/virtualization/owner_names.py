"""Whether the users and groups of a guest's labels exist on this host."""

import grp
import pwd


def names_exist(label: str) -> bool | None:
    """Tell whether this host knows USER:GROUP, as libvirt reads it; None for no such label.

    A number is always known, and so is what is left out. Source: libvirt's virParseOwnershipIds;
    passwd and group databases.
    """
    user, colon, group = label.partition(":")
    if not user and not group:
        return None
    return _user_exists(user) and (not colon or _group_exists(group))


def _user_exists(name: str) -> bool:
    if not name or name.lstrip("+").isdecimal():
        return True
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _group_exists(name: str) -> bool:
    if not name or name.lstrip("+").isdecimal():
        return True
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
