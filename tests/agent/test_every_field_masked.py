"""A canary in every field that the contract says identifies or names: none passes the mask."""

from google.protobuf import text_format

from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_contract.masking.messages import sensitivity_of
from vmfit_contract.masking.snapshots import SMBIOS_VALUES, mask_snapshot

KEY = b"k" * 32
TOLD = (Sensitivity.SENSITIVITY_IDENTIFIES, Sensitivity.SENSITIVITY_NAMES)


class Planting:
    """Fills a message with canaries, each of a field of its own."""

    def __init__(self):
        self.canaries = {}

    def canary(self, field):
        if sensitivity_of(field) not in TOLD:
            return None
        text = f"canary{len(self.canaries)}q{len(self.canaries) * 7919}z"
        self.canaries[text] = field.full_name
        return f"system.serial={text}" if field.full_name == SMBIOS_VALUES else text

    def fill(self, message, above=()):
        for field in message.DESCRIPTOR.fields:
            inner = field.message_type
            if inner is None:
                if field.type == field.TYPE_STRING and (text := self.canary(field)):
                    if field.is_repeated:
                        getattr(message, field.name).append(text)
                    else:
                        setattr(message, field.name, text)
            elif inner.GetOptions().map_entry:
                value = inner.fields_by_name["value"]
                if value.type == value.TYPE_STRING and (text := self.canary(field)):
                    getattr(message, field.name)["key"] = text
            elif inner.full_name.startswith("vmfit.") and inner.full_name not in above:
                place = getattr(message, field.name)
                place = place.add() if field.is_repeated else place
                place.SetInParent()
                self.fill(place, (*above, inner.full_name))


def mention(message, words):
    """Let every text that may mention something, and is empty, mention them all."""
    for field, value in message.ListFields():
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry or "vmfit." not in inner.full_name:
            continue
        for each in value if field.is_repeated else (value,):
            mention(each, words)
    for field in message.DESCRIPTOR.fields:
        mentions = sensitivity_of(field) == Sensitivity.SENSITIVITY_MENTIONS
        if mentions and field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, words)


def passed(planting, snapshot):
    mask_snapshot(snapshot, KEY)
    text = text_format.MessageToString(snapshot).lower()
    return [f"{field}: {each}" for each, field in planting.canaries.items() if each in text]


def test_no_field_that_identifies_or_names_passes_the_mask():
    planting, snapshot = Planting(), Snapshot()
    planting.fill(snapshot)
    assert len(planting.canaries) > 80
    assert passed(planting, snapshot) == []


def test_what_another_field_mentions_of_them_does_not_pass_either():
    planting, snapshot = Planting(), Snapshot()
    planting.fill(snapshot)
    mention(snapshot, "cannot open " + ", ".join(planting.canaries))
    assert "cannot open canary0" in text_format.MessageToString(snapshot)
    assert passed(planting, snapshot) == []
