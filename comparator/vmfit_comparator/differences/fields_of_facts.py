"""Which facts a field of a snapshot matters to."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache


@cache
def facts_touching(path: str) -> tuple[str, ...]:
    """Return the ids of the installed facts that read a field, what is in it, or what it is in.

    `path` is a path below a snapshot without elements, such as "network.interfaces.mtu_bytes". Who
    reads that very field or what is in it comes first, who reads a whole part last; equals are in
    the catalogue's order.
    """
    readers = _readers()
    names = path.split(".")
    above = {".".join(names[:count]): len(names) - count for count in range(1, len(names) + 1)}
    found: dict[str, tuple[int, int]] = {}
    for read, facts in readers.items():
        distance = 0 if read.startswith(f"{path}.") else above.get(read)
        if distance is not None:
            for fact, place in facts.items():
                found[fact] = min(found.get(fact, (distance, place)), (distance, place))
    return tuple(sorted(found, key=found.__getitem__))


@cache
def _readers() -> Mapping[str, dict[str, int]]:
    """Return, for every path below a snapshot that is read, the facts with their places."""
    from vmfit_comparator.installed_facts import installed_facts  # noqa: PLC0415 -- heavy, for diff

    readers: dict[str, dict[str, int]] = defaultdict(dict)
    for place, fact in enumerate(installed_facts().facts.values()):
        for path in fact.every_input:
            if path.part is not None:
                readers[path.text.partition(".")[2]][fact.id] = place
    return readers
