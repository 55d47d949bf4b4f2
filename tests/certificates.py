"""Certificates for tests: an authority, and what it signs."""

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vmfit_contract.tls_files import TlsFiles

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
URN_COMPARATOR = x509.UniformResourceIdentifier("urn:vmfit:comparator")


def dns(name):
    return x509.DNSName(name)


class Authority:
    """A certificate authority with a key of its own."""

    def __init__(self, name="authority", days=10):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self.name, self.key, days)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = builder.add_extension(constraints, critical=True).sign(
            self.key, hashes.SHA256()
        )

    def issue(self, *names, days=10, common_name="peer", usages=None):
        """Return (chain, key) as PEM; `names` are the alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._builder(subject, key, days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        usages = usages or (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return _pem(signed), _key_pem(key)

    def write(self, directory, *names, **options):
        """Issue a certificate into files of the directory; return them."""
        directory.mkdir(parents=True, exist_ok=True)
        files = TlsFiles(*(directory / each for each in ("cert.pem", "key.pem", "ca.pem")))
        chain, key = self.issue(*names, **options)
        files.certificate.write_bytes(chain)
        files.key.write_bytes(key)
        files.authority.write_bytes(self.pem)
        return files

    @property
    def pem(self):
        return _pem(self.certificate)

    def _builder(self, subject, key, days):
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=30))
            .not_valid_after(now + dt.timedelta(days=days))
        )


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )
