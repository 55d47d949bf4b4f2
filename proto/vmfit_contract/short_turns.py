"""How long one thread works while others wait for the interpreter."""

import sys

_SECONDS = 0.001


def take_short_turns() -> None:
    """Let threads of this process that answer little not wait long for those that work much.

    A call passes through several threads; in each it waits for as many turns, of 5 ms by default,
    as others work, and for longer when the processors have other things to do.
    """
    sys.setswitchinterval(_SECONDS)
