"""Masks snapshots by what the contract says that each of their texts gives away."""

from collections.abc import Callable, Iterable

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_contract.masking.masking import Masking
from vmfit_contract.masking.messages import replace_texts, texts_of
from vmfit_contract.part_digest import digest
from vmfit_contract.parts import PART_NAMES

SMBIOS_VALUES = "vmfit.v1.SystemInformation.values"
"""Texts such as "system.serial=x", of which some identify."""
IDENTIFYING_ENTRIES = frozenset(("asset", "location", "serial", "sku", "uuid"))
"""Entries of SMBIOS tables that tell one machine from another of its kind."""


def learn(masking: Masking, message: Message) -> None:
    """Note what identifies in a message, by the annotations of its fields."""
    texts = list(texts_of(message))
    for _, sensitivity, text in texts:
        if not sensitivity:
            masking.keep(text)
    for field, sensitivity, text in texts:
        if sensitivity == Sensitivity.SENSITIVITY_NAMES:
            masking.learn_name(text)
        elif sensitivity == Sensitivity.SENSITIVITY_IDENTIFIES:
            if field.full_name != SMBIOS_VALUES:
                masking.learn_identifier(text)
            elif is_identifying_entry(text):
                masking.learn_identifier(text.partition("=")[2])


def mask_snapshot(snapshot: Snapshot, key: bytes, words: Iterable[str] = ()) -> None:
    """Replace all that identifies in a snapshot by pseudonyms, and give its parts new digests.

    `words` are no names of the site, whatever fields hold them.
    """
    masking = Masking(key, words)
    learn(masking, snapshot)
    mask_message(masking, snapshot)
    note_key(snapshot, masking.pseudonyms.key_name)


def note_key(snapshot: Snapshot, key_name: str) -> None:
    """Name the key in a snapshot that was changed by it, and give the parts new digests."""
    snapshot.identifier_key = key_name
    for status in snapshot.parts:
        # A file may name parts that no snapshot has.
        if status.name in PART_NAMES and snapshot.HasField(status.name):  # type: ignore[arg-type]
            status.digest = digest(getattr(snapshot, status.name))


def mask_message(masking: Masking, message: Message) -> None:
    """Replace what identifies in a message whose values were learnt."""
    masks = {
        Sensitivity.SENSITIVITY_IDENTIFIES: masking.identifier,
        Sensitivity.SENSITIVITY_NAMES: masking.name,
    }

    def replace(field: FieldDescriptor, sensitivity: Sensitivity.ValueType, text: str) -> str:
        mask = masks.get(sensitivity, masking.text)
        if field.full_name != SMBIOS_VALUES:
            return mask(text)
        return masked_entry(text, mask, masking.text)

    replace_texts(message, replace)


def masked_entry(text: str, identifier: Callable[[str], str], other: Callable[[str], str]) -> str:
    """Return an entry whose value is masked by the first if it identifies, else by the second."""
    name, _, value = text.partition("=")
    return f"{name}={(identifier if is_identifying_entry(text) else other)(value)}"


def is_identifying_entry(text: str) -> bool:
    """Return whether "system.serial=x" is of an entry that identifies."""
    return text.partition("=")[0].rpartition(".")[2] in IDENTIFYING_ENTRIES
