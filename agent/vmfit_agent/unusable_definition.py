"""What is raised for domain XML that cannot be used."""


class UnusableDefinition(ValueError):  # noqa: N818 -- said of the definition
    """The domain XML cannot be used; the message says why."""
