"""Where the files of this host's own guests are, from what was collected of libvirt."""

import posixpath
import time
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from vmfit.v1.hypervisor_pb2 import LibvirtObjects
from vmfit.v1.vm_pb2 import Domains, Vm
from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.host import GuestsPlaces
from vmfit_agent.path_elements import named_paths
from vmfit_agent.storage.element import IMAGE, MEMORY
from vmfit_agent.storage.system_directories import CLOSED, SYSTEM, lexical_root

Collect = Callable[[tuple[str, ...], float, float], Mapping[str, CollectedPart]]
"""Returns parts by name; takes their names, the age they may have, and when to give up."""

_PARTS = ("libvirt_objects", "domains")
_MAXIMUM_AGE_SECONDS = 5.0
_PATIENCE_SECONDS = 2.0


class KnownGuests:
    """Looks the places up in collected parts; works them out when those changed."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect
        self._digests: tuple[str, ...] = ()
        self._places = GuestsPlaces()

    def __call__(self) -> GuestsPlaces:
        """Return the places as of a few seconds ago; nothing of what libvirt does not tell."""
        parts = self._collect(_PARTS, _MAXIMUM_AGE_SECONDS, time.monotonic() + _PATIENCE_SECONDS)
        digests = tuple(parts[name].status.digest for name in _PARTS)
        if digests != self._digests:
            objects, domains = (parts[name].message for name in _PARTS)
            self._places = places_of(objects, domains)
            self._digests = digests
        return self._places


def places_of(objects: Message | None, domains: Message | None) -> GuestsPlaces:
    """Return the places that the parts `libvirt_objects` and `domains` name.

    A directory of the system itself is none of images, even where a guest's file lies in it, and
    below CLOSED only the file counts: beside it, in a home directory, lies what is somebody's own.
    """
    vms = domains.vms if isinstance(domains, Domains) else ()
    pools = objects.storage_pools if isinstance(objects, LibvirtObjects) else ()
    paths = {posixpath.normpath(path) for vm in vms for path in _files(vm) if path[:1] == "/"}
    targets = {pool.target_path.rstrip("/") for pool in pools if pool.target_path[:1] == "/"}
    system = {"", "/", *SYSTEM}
    return GuestsPlaces(
        paths=frozenset(paths),
        image_directories=frozenset(
            directory
            for directory in {posixpath.dirname(path) for path in paths} - system
            if lexical_root(directory) not in CLOSED
        ),
        pools=frozenset(targets - system),
    )


def _files(vm: Vm) -> Iterator[str]:
    for path, element, _ in named_paths(vm):
        if element in (IMAGE, MEMORY):
            yield path.path
    yield vm.firmware.nvram.path
