"""What several facts work out alike is worked out once in a case."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from vmfit_comparator.evaluation.case import Case

_Arguments = ParamSpec("_Arguments")
_Found = TypeVar("_Found")


def once(function: Callable[_Arguments, _Found]) -> Callable[_Arguments, _Found]:
    """Let a case remember what a pure function works out of it.

    The case is the last argument; those before it, if any, are hashable. All are positional.
    """

    @wraps(function)
    def remembered(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Found:
        *others, case = args
        known = cast("Case", case).known
        key = (function, *others)
        if key not in known:
            known[key] = function(*args, **kwargs)
        return cast("_Found", known[key])

    return remembered
