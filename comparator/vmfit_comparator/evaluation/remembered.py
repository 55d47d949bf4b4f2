"""What several facts work out alike is worked out once in an evaluation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Results by function and the identities of its arguments, beside the arguments: as long as these
# live nothing else has their identity.
_known: ContextVar[dict[tuple[Any, ...], tuple[Any, Any]] | None] = ContextVar(
    "known", default=None
)


@contextmanager
def remembering() -> Iterator[None]:
    """Remember, until the end of the block, what functions that are `remembered` return."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def remembered(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wrap a pure function that facts call again and again with the very same messages.

    Messages must not change meanwhile. Outside of `remembering` every call is carried out.
    """

    @wraps(function)
    def looked_up(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        known = _known.get()
        if known is None or kwargs:
            return function(*args, **kwargs)
        key = (function, *map(id, args))
        if key not in known:
            known[key] = args, function(*args, **kwargs)
        result: Result = known[key][1]
        return result

    return looked_up
