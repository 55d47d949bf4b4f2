"""How a command ends: the statuses of every program, and the errors that stand for them."""

import click

YES = 0
"""Yes; of a command that asks nothing: done."""
NO = 1
"""No: not acceptable, different, not in order. Of a service: another start may succeed."""
NO_ANSWER = 2
"""There is no answer: a host or the comparator could not be asked, or the output not written."""
ASKED_WRONGLY = 3
"""What was typed, or a file that it names, has to change first; so has a service's setting."""
BROKEN_PIPE = 141
"""Who read the output went away: a shell's name for an end by SIGPIPE."""


class AskedWronglyError(click.ClickException):
    """Ends a command with one line: what was asked, or with what, is at fault."""

    exit_code = ASKED_WRONGLY


class NoAnswerError(click.ClickException):
    """Ends a command with one line: the question is good, and there is no answer."""

    exit_code = NO_ANSWER


class CannotServeError(click.ClickException):
    """Ends a service with one line: another try may succeed without a new setting."""

    exit_code = NO


def status_of(error: click.ClickException) -> int:
    """Return the exit status that an error stands for; click's own are about what was typed."""
    known = (NoAnswerError, CannotServeError)
    return error.exit_code if isinstance(error, known) else ASKED_WRONGLY
