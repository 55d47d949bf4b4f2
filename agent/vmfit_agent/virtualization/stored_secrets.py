"""Whether libvirt keeps a value for a secret, without looking at it."""

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names

_DIRECTORY = "etc/libvirt/secrets"


def value_is_stored(host: Host, uuid: str) -> bool | None:
    """Tell whether a value lies beside the secret's definition, under whatever ending.

    None where the definition is not on disk: an ephemeral secret, or a directory for root alone.
    Source: /etc/libvirt/secrets, UUID.xml and UUID.base64.
    """
    endings = {
        name.removeprefix(f"{uuid}.")
        for name in list_names(host, _DIRECTORY)
        if name.startswith(f"{uuid}.")
    }
    return len(endings) > 1 if "xml" in endings else None
