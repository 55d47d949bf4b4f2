"""What several facts work out alike is worked out once in a case."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar, cast

from vmfit_comparator.evaluation.case import Case

_Arguments = ParamSpec("_Arguments")
_Found = TypeVar("_Found")


def once(function: Callable[_Arguments, _Found]) -> Callable[_Arguments, _Found]:
    """Let a case remember what a pure function works out of it.

    The case is the last argument; those before it, if any, are hashable. All are positional.
    """
    if len(signature(function).parameters) == 1:
        return _of_case(function)

    @wraps(function)
    def remembered(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Found:
        *others, case = args
        known = cast("Case", case).known
        key = (function, *others)
        if key not in known:
            known[key] = function(*args, **kwargs)
        return cast("_Found", known[key])

    return remembered


def _of_case(function: Callable[_Arguments, _Found]) -> Callable[_Arguments, _Found]:
    """Do so for a function of the case only: most are, and are called a hundred times."""

    @wraps(function)
    def remembered(case: Case) -> _Found:
        known = case.known
        if function not in known:
            known[function] = function(case)  # type: ignore[call-arg, arg-type]
        return cast("_Found", known[function])

    return cast("Callable[_Arguments, _Found]", remembered)
