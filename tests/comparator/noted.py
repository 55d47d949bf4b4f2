"""Messages that note which of their fields are looked at."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from vmfit.v1.vm_pb2 import Disk, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import ROOTS
from vmfit_comparator.evaluation.result import Result

# What knowledge makes out of parts of a case.
_MADE = {
    f"vmfit_comparator.knowledge.{module}.{type_.__name__}": type_
    for module in ("disks",)
    for type_ in (Disk, StorageSource)
}


class Looks:
    """The paths that were looked at."""

    def __init__(self) -> None:
        self.values: set[str] = set()
        """Fields whose value was taken, or all that is below them."""
        self.presence: set[str] = set()
        """Messages and lists of which somebody asked whether they are there."""

    def undeclared(self, declared: set[str]) -> set[str]:
        """Return what was looked at and lies below nothing that is declared."""
        values = {each for each in self.values if not _is_below(each, declared)}
        return values | {
            each
            for each in self.presence
            if not _is_below(each, declared) and not any(d.startswith(f"{each}.") for d in declared)
        }

    def unneeded(self, declared: set[str]) -> set[str]:
        """Return what is declared and was not looked at."""
        seen = self.values | self.presence
        return {
            each
            for each in declared
            if each not in seen and not any(s.startswith(f"{each}.") for s in seen)
        }


def _is_below(path: str, declared: set[str]) -> bool:
    names = path.split(".")
    return any(".".join(names[:count]) in declared for count in range(1, len(names) + 1))


class Noted:
    """A message in which every look is noted. `given` stands for fields of a message made of it."""

    def __init__(self, message: Any, path: str, looks: Looks, given: Any = None) -> None:
        self._message, self._path, self._looks = message, path, looks
        self._given = given or {}

    def __getattr__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        field = self._message.DESCRIPTOR.fields_by_name.get(name)
        value = getattr(self._message, name)
        if field is None:
            self._looks.values.add(self._path)
            return value
        path = f"{self._path}.{name}" if self._path else ""
        inner = field.message_type
        ours = inner is not None and inner.file.package == "vmfit.v1"
        if not ours or inner.GetOptions().map_entry:
            self._note(self._looks.values, path)
            return value
        if field.is_repeated:
            self._note(self._looks.presence, path)
            return NotedList([Noted(each, path, self._looks) for each in value])
        return Noted(value, path, self._looks)

    @property
    def __class__(self) -> type:
        """Pass for what it stands for."""
        return type(self._message)

    def HasField(self, name: str) -> bool:  # noqa: N802 -- the message's word
        """Tell whether a field is set."""
        if name in self._given:
            return True
        self._note(self._looks.presence, f"{self._path}.{name}" if self._path else "")
        return self._message.HasField(name)

    def _note(self, paths: set[str], path: str) -> None:
        if path:
            paths.add(path)


class NotedList(list[Noted]):
    """A list of messages."""


class _Making:
    """Makes messages; those made of noted ones are noted as well."""

    def __init__(self, type_: Any, looks: Looks) -> None:
        self._type, self._looks = type_, looks

    def __call__(self, **fields: Any) -> Any:
        given = {name: each for name, each in fields.items() if isinstance(each, Noted | NotedList)}
        plain = {name: each for name, each in fields.items() if name not in given}
        return Noted(self._type(**plain), "", self._looks, given) if given else self._type(**plain)


def looks_of(fact: Fact, case: Case) -> tuple[Looks, Result | None]:
    """Return what a fact looks at in a case, and its result; None where it does not apply."""
    looks = Looks()
    roots = {name: Noted(getattr(case, name), name, looks) for name in ROOTS}
    noted = replace(case, **roots)
    if fact.applicability.why_not(case):
        return looks, None
    any_of = fact.applicability.any_of
    if any_of and not any(path.holds(case) for path in any_of):
        return looks, None
    if any(path.values(case) is None for path in fact.needs):
        return looks, None
    with ExitStack() as stack:
        for target, type_ in _MADE.items():
            stack.enter_context(patch(target, _Making(type_, looks)))
        return looks, fact.result(noted)
