"""What a recording keeps of a file: what collectors read of it, without secrets."""

import json
from collections.abc import Callable, Mapping
from pathlib import PurePath

from vmfit_agent.collectors.iscsi import record_without_secrets
from vmfit_agent.networking.ovsdb import bridges_text
from vmfit_agent.redaction.free_text import PRIVATE_KEY, scrub
from vmfit_agent.redaction.json_tree import redact_tree
from vmfit_agent.redaction.mount_options import redact_options, redact_source
from vmfit_agent.redaction.parameters import redact_parameters
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name
from vmfit_agent.virtualization.hook_text import masked_hook_text
from vmfit_agent.virtualization.libvirt_conf import without_secrets
from vmfit_agent.virtualization.sasl import settings_text
from vmfit_contract.x509 import certificates_text

Keep = Callable[[str], str]
_MOUNT_OPTIONS, _SUPERBLOCK = 5, 3


def recorded_text(path: PurePath, text: str) -> str:
    """Return a file's text for a recording.

    Files of which collectors read a part keep that part; in others the values of what is named for
    a secret are blanked. Raises ValueError, without quoting it, for a file of which nothing is safe
    to keep: a private key, or what is not in the format that its place asks for.
    """
    if PRIVATE_KEY in text:
        raise ValueError("a private key is never recorded")
    keep = next((keep for pattern, keep in _FORMATS.items() if path.match(pattern)), scrub)
    if path.parent.name == "parameters" and is_secret_name(path.name, bare_key=True):
        return f"{BLANK}\n"
    return keep(text)


def _command_line(text: str) -> str:
    return " ".join(redact_parameters(text)) + "\n"


def _initiator(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    kept = [line for line in lines if line.startswith(("InitiatorName", "InitiatorAlias"))]
    return "".join(f"{scrub(line)}\n" for line in kept)


def _mounts(text: str) -> str:
    return "\n".join(_mount(line) for line in text.split("\n"))


def _mount(line: str) -> str:
    fields = line.split(" ")
    if "-" not in fields[6:]:
        return redact_options(line)
    dash = fields.index("-", 6)
    fields[_MOUNT_OPTIONS] = redact_options(fields[_MOUNT_OPTIONS])
    fields[dash + 2 : dash + 3] = [redact_source(each) for each in fields[dash + 2 : dash + 3]]
    fields[dash + _SUPERBLOCK :] = [redact_options(each) for each in fields[dash + _SUPERBLOCK :]]
    return " ".join(fields)


def _attributes(text: str) -> str:
    try:
        tree = json.loads(text)
        redacted = redact_tree(tree)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    return text if redacted == tree else json.dumps(redacted, indent=1) + "\n"


def _certificates(text: str) -> str:
    found = certificates_text(text)
    if not found:
        raise ValueError("no PEM certificate")
    return found


def _bridges(text: str) -> str:
    try:
        return bridges_text(text)
    except ValueError:
        raise ValueError("no stand-alone Open vSwitch database") from None


# The first pattern that matches, from the right, says how a file is read.
_FORMATS: Mapping[str, Keep] = {
    "etc/libvirt/*.conf": without_secrets,
    "etc/sasl2/libvirt.conf": settings_text,
    "etc/libvirt/hooks/*": masked_hook_text,
    "etc/libvirt/hooks/*/*": masked_hook_text,
    "etc/iscsi/initiatorname.iscsi": _initiator,
    "iscsi/nodes/*/*": record_without_secrets,
    "iscsi/nodes/*/*/*": record_without_secrets,
    "proc/cmdline": _command_line,
    "proc/self/mountinfo": _mounts,
    "*.pem": _certificates,
    "openvswitch/conf.db": _bridges,
    "*.json": _attributes,
}
