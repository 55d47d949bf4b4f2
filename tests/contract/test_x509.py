"""Certificates: this reader against the library that it stands in for."""

import base64
import ipaddress
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from vmfit_contract.x509 import parse_pem

KEY = ec.generate_private_key(ec.SECP256R1())
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
KINDS = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME)


def certificate(subject, names=(), not_after=datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)):
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")]))
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(datetime(1999, 1, 2, 3, 4, 5, tzinfo=UTC))
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256())


NODE1 = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node1")]))


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), TEXTS), max_size=4))
def test_subjects_are_those_of_the_library(attributes):
    subject = x509.Name([x509.NameAttribute(kind, text) for kind, text in attributes])
    (found,) = parse_pem(pem(certificate(subject)))
    assert found.subject == subject.rfc4514_string()


def test_a_whole_certificate():
    names = [
        x509.DNSName("node1.example.org"),
        x509.RFC822Name("who@example.org"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("fd00::1")),
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node1")])
    made = certificate(subject, names, datetime(2150, 1, 1, tzinfo=UTC))
    broken = pem(NODE1).replace(b"M", b"!")
    found, other = parse_pem(b"text\n" + pem(made) + broken + pem(certificate(x509.Name([]))))
    assert other.subject == ""
    assert found.subject == "CN=node1"
    assert found.issuer == "CN=Test CA"
    assert found.names == ("node1.example.org", "10.0.0.1", "fd00::1")
    assert found.not_before == made.not_valid_before_utc
    assert found.not_after == made.not_valid_after_utc
    assert found.fingerprint == made.fingerprint(hashes.SHA256()).hex()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_certificate_is_read_or_refused(data):
    content = bytearray(NODE1.public_bytes(serialization.Encoding.DER))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    body = base64.encodebytes(bytes(content))
    text = b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"
    with suppress(ValueError):
        assert parse_pem(text)[0].fingerprint


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate(content):
    with pytest.raises(ValueError, match="PEM certificate"):
        parse_pem(content)
