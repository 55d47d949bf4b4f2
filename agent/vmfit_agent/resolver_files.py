"""What the host resolves names with: static names and name servers."""

from vmfit.v1.host_pb2 import Identity
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text

# Not part of a recording: the names of a site's other hosts are nobody else's business.
_FILES = ("etc/hosts", "etc/resolv.conf")
_MOST_NAMES = 1000


def add_resolver(host: Host, identity: Identity) -> None:
    """Add the static names, sorted, and the name servers, in order, where both files can be read.

    Source: hosts(5), resolv.conf(5).
    """
    hosts, resolver = (read_text(host, path) for path in _FILES)
    if hosts is None or resolver is None:
        return
    names = {name for words in _lines(hosts) for name in words[1:]}
    identity.static_host_names.extend(sorted(names)[:_MOST_NAMES])
    identity.name_servers.extend(
        words[1] for words in _lines(resolver) if words[0] == "nameserver" and len(words) > 1
    )
    identity.resolver_read = True


def _lines(text: str) -> list[list[str]]:
    """Return the words of each line, without comments and empty lines."""
    return [words for line in text.splitlines() if (words := line.partition("#")[0].split())]
