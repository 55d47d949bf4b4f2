"""How libvirt asks who connects, and whether anybody could answer."""

import pytest

from vmfit_agent.host import Host
from vmfit_agent.virtualization.sasl import FILE, read_sasl

KEYTAB = {"etc/krb5.keytab": "k"}
DATABASE = {"srv/passwords": "p"}


@pytest.mark.parametrize(
    ("text", "files", "there"),
    [
        ("mech_list: gssapi\n", {}, False),
        ("mech_list: gssapi\n", KEYTAB, True),
        ("mech_list: gssapi\nkeytab: /etc/krb5.tab\n", KEYTAB, False),
        ("mech_list: digest-md5\n", KEYTAB, False),
        ("mech_list: digest-md5\nsasldb_path: /srv/passwords\n", DATABASE, True),
        ("mech_list: plain\npwcheck_method: saslauthd\n", {}, None),
        ("mech_list: plain\nauxprop_plugin: ldapdb\n", {}, None),
        ("mech_list: plain\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n", {}, False),
        ("", KEYTAB, True),
    ],
)
def test_credentials(tree, monkeypatch, text, files, there):
    monkeypatch.setattr(Host, "is_live", True)
    found = read_sasl(tree({FILE: text, **files}))
    assert (found.credentials_present if found.HasField("credentials_present") else None) == there


def test_no_file(tree):
    assert read_sasl(tree({"etc/krb5.keytab": ""})) is None
