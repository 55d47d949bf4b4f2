"""Errors that are answers, without the frames that they were raised through.

Those frames hold the answers that the errors are about, megabytes of them, and an error that a
future or a list keeps makes a ring with them, which is only freed when Python happens to look.
"""

from typing import TypeVar

from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.host_answer import WrongHostError

ANSWERS = (AgentError, EngineError, WrongHostError)
"""Errors that say all there is to say; others are bugs, which the frames explain."""

Error = TypeVar("Error", bound=BaseException)


def light(error: Error) -> Error:
    """Return the error itself, which holds nothing more than what it says."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def twin(error: Error) -> Error:
    """Return another one that says the same, to be raised where the first is kept."""
    other = type(error).__new__(type(error), *error.args)
    other.__dict__.update(error.__dict__)
    return other
