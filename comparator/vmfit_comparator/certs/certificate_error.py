"""The error of everything that reads or makes certificates."""


class CertificateError(ValueError):
    """A name, a file or an authority that cannot be used; one line that names it."""
