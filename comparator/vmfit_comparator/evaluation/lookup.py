"""What is worked out once within an evaluation."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Lookup(dict[Key, Found]):
    """What a function gives for its argument, worked out when first asked for."""

    def __init__(self, function: Callable[[Key], Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: Key) -> Found:
        """Work it out, and keep it."""
        self[key] = found = self._function(key)
        return found
