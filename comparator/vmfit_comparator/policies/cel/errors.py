"""Why an expression gives nothing."""


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated; the message is one line."""


class TooCostlyError(ExpressionError):
    """An expression that took more memory or time than one may.

    `is_certain` when nothing that was evaluated before it can be at fault.
    """

    def __init__(self, reason: str, *, is_certain: bool) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


class InterpreterUnavailableError(ExpressionError):
    """Nothing is wrong with the expression: there is no process that could evaluate it now."""
