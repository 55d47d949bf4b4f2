"""Machine types of one family, such as all versions of pc-q35."""

import re
from collections.abc import Iterable

from vmfit.v1.hypervisor_pb2 import MachineType


def newest_of_family(name: str, machines: Iterable[MachineType]) -> str:
    """Return the newest machine type of a machine type's family; empty without any."""
    family = name.rsplit("-", 1)[0] + "-"
    names = [each.name for each in machines if each.name.startswith(family)]
    return max(names, key=lambda each: [int(part) for part in re.findall(r"\d+", each)], default="")
