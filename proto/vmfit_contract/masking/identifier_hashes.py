"""Keyed hashes in place of what identifies, in answers that others compare and ask about."""

import re
from collections.abc import Iterable, Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_contract.masking.masking import Masking
from vmfit_contract.masking.messages import replace_texts
from vmfit_contract.masking.patterns import FORMS, mask_form, mask_runs
from vmfit_contract.masking.snapshots import SMBIOS_VALUES, masked_entry, note_key

# Forms that a site's own names have, and addresses: these are needed to reach and to find things.
_NAMES = frozenset(("address", "hex_address", "iscsi", "reversed_address", "uuid"))
# Names of devices are made of serial numbers and UUIDs, whatever a host knows of these.
_DEVICE = re.compile(
    r"(?<=/dev/disk/by-id/)[^/\s]+|(?<=/dev/disk/by-uuid/)[^/\s]+"
    r"|(?<=/dev/disk/by-partuuid/)[^/\s]+|(?<=/dev/mapper/)3?(?:[0-9a-f]{32}|[0-9a-f]{16})\b"
)


class IdentifierHashes:
    """Hashes by one key: values of the same shape, equal for equal values on every host.

    Names stay, by which something is reached or looked for: hosts', guests' and iSCSI's. Not for
    several threads at once.
    """

    def __init__(self, key: bytes) -> None:
        """Take the site's key."""
        self._masking = Masking(key)
        self.key_name = self._masking.pseudonyms.key_name
        """What snapshots name the key by."""

    def identifier(self, value: str) -> str:
        """Return the hash of one value."""
        return self._masking.identifier(value)

    def hide(self, message: Message) -> None:
        """Replace what identifies, in fields of its own and within names of devices."""
        replace_texts(message, self._replace)

    def hide_snapshot(self, snapshot: Snapshot) -> None:
        """Do so in a snapshot, unless there are hashes in it already."""
        if not snapshot.HasField("identifier_key"):
            self.hide(snapshot)
            note_key(snapshot, self.key_name)

    def paths(self, plain: Iterable[str]) -> Mapping[str, str]:
        """Return the paths of devices by what they are told as, without those told as they are."""
        told = ((self._mentions(path), path) for path in plain)
        return {hashed: path for hashed, path in told if hashed != path}

    def _replace(
        self, field: FieldDescriptor, sensitivity: Sensitivity.ValueType, text: str
    ) -> str:
        if field.full_name == SMBIOS_VALUES:
            return masked_entry(text, self.identifier, str)
        if sensitivity == Sensitivity.SENSITIVITY_IDENTIFIES:
            return self.identifier(text)
        return self._mentions(text) if sensitivity == Sensitivity.SENSITIVITY_MENTIONS else text

    def _mentions(self, text: str) -> str:
        pseudonyms = self._masking.pseudonyms
        pieces = _DEVICE.split(text)
        names = [mask_runs(pseudonyms, match[0]) for match in _DEVICE.finditer(text)]
        kept = [FORMS.sub(self._form, piece) for piece in pieces]
        return "".join(part for pair in zip(kept, [*names, ""], strict=True) for part in pair)

    def _form(self, match: re.Match[str]) -> str:
        if match.lastgroup in _NAMES:
            return match[0]
        return mask_form(self._masking.pseudonyms, match)
