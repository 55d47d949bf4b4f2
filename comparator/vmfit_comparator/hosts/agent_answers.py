"""What agents answer, read with care: any of them may be broken, or in somebody else's hands."""

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from vmfit_comparator.hosts.answer_room import AnswerRoom, Taken
from vmfit_contract.unfolding import (
    MAX_ELEMENTS,
    MAX_UNFOLDED_BYTES,
    TooLargeError,
    check_unfolded,
)
from vmfit_contract.validation import first_complaint

# To read a large answer takes some times its bytes for a moment: one at a time.
_LARGE_BYTES = 256 * 1024
_ONE_LARGE = threading.Lock()

AnyMessage = TypeVar("AnyMessage", bound=Message)


class Answer(NamedTuple, Generic[AnyMessage]):
    """An answer, and what it takes in memory, in bytes by the path of what is in it."""

    message: AnyMessage
    sizes: Mapping[str, int]
    room: Taken
    """As long as it is held."""


Read = Callable[[bytes, AnswerRoom], Answer[AnyMessage]]
"""Reads an answer; raises UnusableAnswerError, and AgentError when there is no room for it."""


class UnusableAnswerError(ValueError):
    """An answer that cannot be used; the message names the field that is wrong."""


def reader(
    message_type: type[AnyMessage],
    *,
    max_elements: int = MAX_ELEMENTS,
    max_bytes: int = MAX_UNFOLDED_BYTES,
) -> Read[AnyMessage]:
    """Return what reads an agent's answer.

    What would take too much memory is found out before it does, and times that are none before
    anybody computes with them.
    """

    def read(content: bytes, room: AnswerRoom) -> Answer[AnyMessage]:
        try:
            with _ONE_LARGE if len(content) > _LARGE_BYTES else nullcontext():
                sizes = check_unfolded(
                    content, message_type, max_elements=max_elements, max_bytes=max_bytes
                )
                taken = room.take(len(content) + sum(sizes.values()))
                message = message_type.FromString(content)
        except DecodeError:
            raise UnusableAnswerError("its answer is no message") from None
        except TooLargeError as error:
            raise UnusableAnswerError(f"its answer is too large: {error}") from None
        complaint = first_complaint(message)
        if complaint is not None:
            raise UnusableAnswerError(f"its answer: {complaint.field}: {complaint.reason}")
        return Answer(message, sizes, taken)

    return read
