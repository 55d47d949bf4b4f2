"""How libvirt proves who connects to it by SASL; never a password."""

import re

from vmfit.v1.host_pb2 import Sasl
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, read_text
from vmfit_agent.redaction.free_text import scrub

FILE = "etc/sasl2/libvirt.conf"
_SETTING = re.compile(
    r"^\s*(mech_list|keytab|sasldb_path|pwcheck_method|auxprop_plugin)\s*:\s*(.*?)\s*$",
    re.MULTILINE,
)
# Passwords lie in the database unless other programs or plugins are named.
_OWN_DATABASE = (("pwcheck_method", "auxprop"), ("auxprop_plugin", "sasldb"))
# Where Cyrus SASL and Kerberos look when the file does not say.
_KEYTAB = "/etc/krb5.keytab"
_DATABASE = "/etc/sasldb2"


def settings_text(text: str) -> str:
    """Return the settings that read_sasl reads, and nothing else of the file."""
    return "".join(f"{name}: {scrub(value)}\n" for name, value in _SETTING.findall(text))


def read_sasl(host: Host) -> Sasl | None:
    """Return the mechanisms, in the file's order, and whether their credentials are there.

    None without the file. Whether credentials are there is not told where passwords are kept in
    another way, and in a recording. Source: /etc/sasl2/libvirt.conf, sasl(5).
    """
    text = read_text(host, FILE, limit=1 << 20)
    if text is None:
        return None
    settings = dict(_SETTING.findall(text))
    sasl = Sasl(mechanisms=settings.get("mech_list", "").lower().split())
    if host.is_live and all(settings.get(name, own) == own for name, own in _OWN_DATABASE):
        paths = []
        if not sasl.mechanisms or "gssapi" in sasl.mechanisms:
            paths.append(settings.get("keytab", _KEYTAB))
        if set(sasl.mechanisms) != {"gssapi"}:
            paths.append(settings.get("sasldb_path", _DATABASE))
        sasl.credentials_present = any(exists(host, path.lstrip("/")) for path in paths)
    return sasl
