"""What is wrong with a policy."""


class PolicyError(ValueError):
    """A policy that cannot be used; `field` is the path of what is wrong in it, maybe empty.

    `is_passing` when the policy may be right, and only now nobody can tell.
    """

    def __init__(self, field: str, reason: str, *, is_passing: bool = False) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason
        self.is_passing = is_passing
