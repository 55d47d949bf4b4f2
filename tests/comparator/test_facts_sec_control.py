"""Who may connect to the destination's libvirt."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.tables import case_of, cases

CONF = "destination.security.libvirtd_conf"
SASL = "destination.security.sasl"
TCP = {"options.destination_uri": "qemu+tcp://b/system", CONF: {"listen_tls": "0"}}
TLS = {**TCP, "options.destination_uri": "qemu://b/system"}
MISSING = {SASL: {"mechanisms": ["gssapi"], "credentials_present": False}}
NO_PASSWORDS = {SASL: {"mechanisms": ["digest-md5"], "credentials_present": False}}
THERE = {SASL: {"mechanisms": ["scram-sha-256"], "credentials_present": True}}
AUTH = [
    ("none", {**TCP, CONF: {"auth_tcp": "none"}, **MISSING}, "YES"),
    ("SASL, no keytab", {**TCP, CONF: {"auth_tcp": "sasl"}, **MISSING}, "PROBABLY_NO"),
    ("SASL by default, no keytab", {**TCP, **MISSING}, "PROBABLY_NO"),
    ("SASL, no passwords", {**TCP, **NO_PASSWORDS}, "NO"),
    (
        "SASL by any mechanism, neither",
        {**TCP, SASL: {"credentials_present": False}},
        "PROBABLY_NO",
    ),
    ("SASL", {**TCP, **THERE}, "PROBABLY_YES"),
    ("SASL, credentials not looked for", {**TCP, SASL: {"mechanisms": ["gssapi"]}}, "PROBABLY_YES"),
    ("SASL is not set up", {**TCP, SASL: None}, "PROBABLY_YES"),
    ("certificates", {**TLS, **MISSING}, "YES"),
    ("certificates and SASL", {**TLS, CONF: {"auth_tls": "sasl"}, **NO_PASSWORDS}, "NO"),
    ("nothing is set", {**TCP, CONF: {}, **MISSING}, "YES"),
    ("SSH", {**TCP, "options.destination_uri": "qemu+ssh://b/system", **MISSING}, "YES"),
    ("no URI", {CONF: {"auth_tcp": "sasl"}, **MISSING}, "YES"),
    ("not collected", {**TCP, "destination.security": None}, "NO_IDEA"),
]
TABLES = {"sec.libvirt_auth": AUTH}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
