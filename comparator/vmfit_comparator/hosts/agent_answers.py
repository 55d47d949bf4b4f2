"""What agents answer, read with care: any of them may be broken, or in somebody else's hands."""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from vmfit_contract.unfolding import MAX_ELEMENTS, TooLargeError, check_unfolded
from vmfit_contract.validation import first_complaint

AnyMessage = TypeVar("AnyMessage", bound=Message)


class Answer(NamedTuple, Generic[AnyMessage]):
    """An answer, and what it takes in memory, in bytes by the path of what is in it."""

    message: AnyMessage
    sizes: Mapping[str, int]


Read = Callable[[bytes], Answer[AnyMessage]]
"""Reads an answer; raises UnusableAnswerError."""


class UnusableAnswerError(ValueError):
    """An answer that cannot be used; the message names the field that is wrong."""


def reader(message_type: type[AnyMessage], max_elements: int = MAX_ELEMENTS) -> Read[AnyMessage]:
    """Return what reads an agent's answer; it raises UnusableAnswerError.

    What would take too much memory is found out before it does, and times that are none before
    anybody computes with them.
    """

    def read(content: bytes) -> Answer[AnyMessage]:
        try:
            sizes = check_unfolded(content, message_type, max_elements=max_elements)
            message = message_type.FromString(content)
        except DecodeError:
            raise UnusableAnswerError("its answer is no message") from None
        except TooLargeError as error:
            raise UnusableAnswerError(f"its answer is too large: {error}") from None
        complaint = first_complaint(message)
        if complaint is not None:
            raise UnusableAnswerError(f"its answer: {complaint.field}: {complaint.reason}")
        return Answer(message, sizes)

    return read
