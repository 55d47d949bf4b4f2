"""Follows symbolic links without ever walking into a file system that does not answer."""

import errno
import os
from collections.abc import Callable

_MAXIMUM_LINKS = 40


def resolve(
    path: str,
    before: Callable[[str], None] = lambda _: None,
    read_link: Callable[[str], str] = os.readlink,
) -> str:
    """Return an absolute path without symbolic links, as realpath(3).

    Calls `before` with every path that is about to be looked at, and looks with `read_link`; what
    the first raises ends the walk, and so does a TimeoutError of the second.
    Names after one that does not exist or may not be looked at are kept as they are.
    Raises OSError for too many links.
    """
    pending = path.split("/")[::-1]
    resolved, links = "", 0
    while pending:
        name = pending.pop()
        if name in ("", "."):
            continue
        if name == "..":
            resolved = resolved.rpartition("/")[0]
            continue
        here = f"{resolved}/{name}"
        before(here)
        try:
            link = read_link(here)
        except TimeoutError:
            raise
        except OSError as error:
            if error.errno != errno.EINVAL:
                rest = [each for each in reversed(pending) if each not in ("", ".")]
                return "/".join([here, *rest])
            resolved = here  # no link
            continue
        links += 1
        if links > _MAXIMUM_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        pending += link.split("/")[::-1]
        if link.startswith("/"):
            resolved = ""
    return resolved or "/"
