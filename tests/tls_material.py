"""Certificates for tests, made as `vmfit certs` makes them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from vmfit_comparator.certs import kinds
from vmfit_comparator.certs.issued_files import issue, issue_authority


@dataclass(frozen=True)
class TlsMaterial:
    """A certificate, its key and the authority's certificate, as PEM files."""

    certificate: Path
    key: Path
    authority: Path

    @property
    def options(self):
        """The options by which every command takes these files."""
        pairs = ("cert", self.certificate), ("key", self.key), ("ca", self.authority)
        return [word for name, path in pairs for word in (f"--tls-{name}", str(path))]

    @property
    def settings(self):
        """The same as lines of a settings file."""
        return (
            f'tls_cert = "{self.certificate}"\n'
            f'tls_key = "{self.key}"\n'
            f'tls_ca = "{self.authority}"\n'
        )

    def channel(self, target, server_name=None):
        """A plain gRPC channel of a client with these files."""
        credentials = grpc.ssl_channel_credentials(
            self.authority.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes()
        )
        options = [("grpc.ssl_target_name_override", server_name)] if server_name else []
        return grpc.secure_channel(target, credentials, options)


class TestAuthority:
    """An authority in a directory. Names are those of `vmfit certs`: DNS, addresses, uri:URI.

    `days` may be negative for what has expired: it was valid for ten days until then.
    """

    __test__ = False

    def __init__(self, directory):
        self.directory = Path(directory)
        began = datetime.now(UTC) - timedelta(days=1000)
        self.certificate = issue_authority(self.directory, "test authority", days=5000, now=began)

    def agent(self, *names, days=10):
        return self._issue(kinds.AGENT, names or ("localhost", "127.0.0.1", "::1"), days)

    def comparator(self, *names, days=10):
        return self._issue(kinds.COMPARATOR, names or ("localhost", "127.0.0.1", "::1"), days)

    def client(self, *names, days=10):
        return self._issue(kinds.CLIENT, names or ("alice@example.org",), days)

    def _issue(self, kind, names, days):
        now = datetime.now(UTC) + timedelta(days=min(days, 0) - (10 if days < 0 else 0))
        path = issue(
            self.directory, kind, names, days=10 if days < 0 else days, now=now, force=True
        )
        return TlsMaterial(path, path.with_suffix(".key"), self.certificate)
