"""What functions read of a case: declared where it is read, derived for whoever uses them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, TypeVar

from vmfit_comparator.evaluation.field_path import FieldPath, field_path

_Function = TypeVar("_Function", bound=Callable[..., object])
_HERE = "vmfit_comparator"
_DECLARED, _CHOOSES, _EQUAL = "_reads", "_chooses", "_equal"


def reads(*paths: str) -> Callable[[_Function], _Function]:
    """Declare what the decorated function itself takes from a case, by field paths.

    What the functions read that it uses is theirs to declare. ValueError for a path that the
    contract lacks.
    """
    return _declaring(_DECLARED, paths)


def chooses(*paths: str) -> Callable[[_Function], _Function]:
    """Declare, as `reads` does, what merely decides which of several things counts.

    Answers rest on it as on all else; as evidence it tells people nothing.
    """
    return _declaring(_CHOOSES, paths)


def by_equality(*paths: str) -> Callable[[_Function], _Function]:
    """Declare texts of a destination that count by which they are equal to, and by nothing else."""
    return _declaring(_EQUAL, paths)


def _declaring(kind: str, paths: Iterable[str]) -> Callable[[_Function], _Function]:
    compiled = tuple(map(field_path, paths))

    def declare(function: _Function) -> _Function:
        vars(function)[kind] = compiled
        return function

    return declare


def reads_of(*functions: object) -> tuple[FieldPath, ...]:
    """Return what functions read, and all that they use: in the order in which it is found."""
    return _declared_by(_DECLARED, functions)


def choices_of(*functions: object) -> tuple[FieldPath, ...]:
    """Return what functions, and all that they use, choose by."""
    return _declared_by(_CHOOSES, functions)


def equal_of(*functions: object) -> tuple[FieldPath, ...]:
    """Return which texts functions, and all that they use, take by equality alone."""
    return _declared_by(_EQUAL, functions)


def _declared_by(kind: str, functions: Iterable[object]) -> tuple[FieldPath, ...]:
    """Return what functions and all that they use declare.

    Followed are the names that their code looks up: functions, tables and classes of theirs, in
    this package and in the one that the functions come from.
    """
    pending = [each for function in functions for each in _functions_in(function)]
    homes = {_HERE, *(_home(each) for each in pending)}
    paths: dict[FieldPath, None] = {}
    seen: set[FunctionType] = set()
    while pending:
        function = pending.pop(0)
        if function in seen or _home(function) not in homes:
            continue
        seen.add(function)
        paths.update(dict.fromkeys(vars(function).get(kind, ())))
        pending += _used_by(function)
    return tuple(paths)


def _home(function: FunctionType) -> str:
    return function.__module__.partition(".")[0]


@cache
def _used_by(function: FunctionType) -> tuple[FunctionType, ...]:
    """Return the functions that a function's code names."""
    names = dict.fromkeys(_names(function.__code__))
    values = [function.__globals__[each] for each in names if each in function.__globals__]
    values += [each.cell_contents for each in function.__closure__ or ()]
    for module in [each for each in values if isinstance(each, ModuleType)]:
        if module.__name__.startswith(_HERE):
            values += [vars(module)[each] for each in names if each in vars(module)]
    return tuple(each for value in values for each in _functions_in(value))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _functions_in(value: Any) -> Iterator[FunctionType]:  # noqa: ANN401 -- whatever a module names
    if isinstance(value, FunctionType):
        yield value
    for part in _PARTS.get(type(value), _fields)(value):
        yield from _functions_in(part)


def _fields(value: Any) -> Iterable[Any]:  # noqa: ANN401 -- as above
    return [getattr(value, each, None) for each in getattr(value, "__dataclass_fields__", ())]


def _members(class_: type) -> Iterable[Any]:
    return vars(class_).values() if class_.__module__.startswith(_HERE) else ()


# What may hold functions, by its type.
_PARTS: Mapping[type, Callable[[Any], Iterable[Any]]] = {
    FunctionType: lambda function: [vars(function).get("__wrapped__")],
    MethodType: lambda method: [method.__func__],
    partial: lambda bound: (bound.func, *bound.args),
    property: lambda computed: [computed.fget],
    tuple: iter,
    list: iter,
    frozenset: iter,
    dict: dict.values,
    MappingProxyType: lambda mapping: mapping.values(),
    type: _members,
}
