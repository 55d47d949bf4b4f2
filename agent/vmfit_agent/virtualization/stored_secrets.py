"""Which secrets libvirt keeps a value for, without looking at it."""

from collections.abc import Mapping

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names

_DIRECTORY = "etc/libvirt/secrets"
_DEFINITION = "xml"


def stored_values(host: Host) -> Mapping[str, bool]:
    """Tell of each secret on disk, by UUID, whether a value lies beside it, of whatever ending.

    Ephemeral secrets are not there; none are where the directory is for root alone.
    Source: /etc/libvirt/secrets, UUID.xml and UUID.base64.
    """
    endings: dict[str, set[str]] = {}
    for name in list_names(host, _DIRECTORY):
        uuid, _, ending = name.partition(".")
        endings.setdefault(uuid, set()).add(ending)
    return {uuid: len(each) > 1 for uuid, each in endings.items() if _DEFINITION in each}
