"""The error of a question that has no answer here."""


class Unanswerable(Exception):  # noqa: N818 -- said of the question
    """The question cannot be answered; the message says why in one line."""
