"""Whether the users and groups of a guest's labels exist on this host."""

import grp
import pwd
from collections.abc import Sequence

from vmfit_agent.storage.hang_guard import HANG_GUARD

MAXIMUM_LABELS = 16
"""A guest has one for each security driver."""
_SECONDS = 2.0
_CHARACTERS = 256


def names_exist(labels: Sequence[str]) -> list[bool | None]:
    """Tell of each label whether this host knows USER:GROUP, as libvirt reads it.

    None for no such label, for all beyond MAXIMUM_LABELS, and where a directory service does not
    answer in time. A number is always known, and so is what is left out.
    Source: libvirt's virParseOwnershipIds; passwd and group databases.
    """
    asked = labels[:MAXIMUM_LABELS]
    if not asked:
        return []
    try:
        found = HANG_GUARD.ask("the user database", _SECONDS, lambda: [*map(_exist, asked)])
    except (OSError, ValueError):
        return [None] * len(labels)
    return found + [None] * (len(labels) - len(asked))


def _exist(label: str) -> bool | None:
    if len(label) > _CHARACTERS:
        return None
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
