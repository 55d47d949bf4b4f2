"""What is read of libvirt's objects, from a connection that stands for the daemon's answers."""

from vmfit_agent.virtualization.libvirt_objects_reader import list_objects
from vmfit_agent.xml_document import parse_document


class Filter:
    """A filter as a list has it: whoever asks for its XML asks the daemon once more."""

    def __init__(self, name, uuid):
        self._name, self._uuid = name, uuid

    def name(self):
        return self._name

    def UUIDString(self):  # noqa: N802 -- libvirt's name
        return self._uuid


class Connection:
    def listAllNWFilters(self, flags):  # noqa: N802 -- libvirt's name
        assert flags == 0
        return [Filter(name, UUID) for name in NAMES]


NAMES = ["clean-traffic", "a <b> & 'c'"]
UUID = "09f9e8a5-84ae-49ec-a76c-923392dca863"


def test_filters_are_told_by_name_and_uuid_without_another_call():
    records = list_objects(None, Connection(), "network_filters")
    roots = [parse_document(record.xml, "filter") for record in records]
    assert [(root.get("name"), root.findtext("uuid")) for root in roots] == [
        (name, UUID) for name in NAMES
    ]
