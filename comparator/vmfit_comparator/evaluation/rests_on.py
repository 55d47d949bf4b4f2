"""What facts rest on in a case, as keys: where two are equal, so are the answers.

Whoever keeps answers by them, for another VM or another host, keeps no wrong one: all that facts
look at is declared.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from google.protobuf.message import Message

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath, Way
from vmfit_comparator.evaluation.freshness import PartAges
from vmfit_comparator.evaluation.lookup import Lookup

_KEY_BYTES = 16


class RestsOn:
    """The keys of one case."""

    def __init__(self, case: Case, ages: PartAges) -> None:
        # Each is as long as any other.
        self._values = Lookup[FieldPath, bytes](
            lambda path: digest_at(path, getattr(case, path.root))
        )
        self._absent = Lookup[FieldPath, bytes](lambda path: _absence(path, case, ages))

    def key(self, fact: Fact) -> bytes | None:
        """Return what stands for all values that a fact's answer rests on, whatever their age.

        None for a fact of a policy: its expressions may look at more than they declare.
        """
        if fact.user_defined:
            return None
        absent = map(self._absent.__getitem__, (*fact.needs, *fact.applicability.any_of))
        values = map(self._values.__getitem__, fact.values)
        return _digest([fact.id.encode(), b"".join(values), *absent])


def _digest(texts: Iterable[bytes]) -> bytes:
    # With their lengths: no two lists of texts are one.
    whole = b"".join([b"%d:%s" % (len(text), text) for text in texts])
    return blake2b(whole, digest_size=_KEY_BYTES).digest()


def _absence(path: FieldPath, case: Case, ages: PartAges) -> bytes:
    """Return what a finding tells of an input that is not set; empty where it is."""
    missing = path.missing(case)
    return f"{missing}{ages.why_absent(path)}".encode() if missing else b""


def digest_at(path: FieldPath, message: Message) -> bytes:
    """Return what stands for the values that a path leads to, from the message of its root."""
    found: list[bytes] = []
    _write(message, path.way, found)
    return _digest(found)


def _write(message: Message, way: Way, found: list[bytes]) -> None:
    """Add what lies at the end of a way: of every element of a list, and what is absent as such."""
    value: object = message
    for name, tracks_presence, onward in way:
        if tracks_presence and not message.HasField(name):
            found.append(b"absent")
            return
        value = getattr(value, name)
        if onward:
            elements = list(value)  # type: ignore[call-overload]
            found.append(b"%d" % len(elements))
            for each in elements:
                _write(each, onward, found)
            return
        message = value  # type: ignore[assignment]
    found.append(b"is")
    found += _serialized(value)


def _serialized(value: object) -> Iterable[bytes]:
    if isinstance(value, Message):
        return [value.SerializeToString(deterministic=True)]
    if isinstance(value, Mapping):
        # Maps come in an order that differs from process to process.
        return [each for key in sorted(value) for each in _pair(key, value[key])]
    if isinstance(value, str | bytes | int | float):
        return [repr(value).encode()]
    return [each for element in value for each in _serialized(element)]  # type: ignore[attr-defined]


def _pair(key: object, value: object) -> list[bytes]:
    return [repr(key).encode(), *_serialized(value)]
