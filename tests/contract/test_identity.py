"""What a certificate says of its owner, and the roles that patterns give it."""

import time

import pytest

from vmfit_contract.access import Role
from vmfit_contract.identity import (
    AGENT_ROLES,
    MAX_IDENTITIES,
    MAX_IDENTITY_CHARACTERS,
    Identity,
    RoleRules,
)


def test_names_in_their_order():
    names = {"uri": [b"urn:a"], "dns": [b"B.Example", b"c"], "ip": [b"::1"], "email": [b"A@b"]}
    identity = Identity.of(names, b"cn")
    assert identity.names == ("dns:b.example", "dns:c", "uri:urn:a", "email:A@b", "ip:::1")
    assert str(identity) == "dns:b.example"
    assert str(Identity.of({}, b"printer")) == "cn:printer"
    assert str(Identity.of({}, b"")) == "a certificate without a name"


@pytest.mark.parametrize(
    "name", [b"", b"a\nb", b"a\0b", b"\x1b[31m", b"x" * (MAX_IDENTITY_CHARACTERS + 1)]
)
def test_what_could_be_taken_for_another_is_no_name(name):
    identity = Identity.of({"dns": [name]}, name)
    assert identity.names == ()
    assert str(identity).isprintable()
    assert len(str(identity)) <= MAX_IDENTITY_CHARACTERS + 3


def test_a_certificate_with_a_thousand_names():
    names = [f"h{number}".encode() for number in range(1000)]
    assert len(Identity.of({"dns": names}).names) == MAX_IDENTITIES


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "dns:anything", True),
        ("dns:a.example", "dns:a.example", True),
        ("dns:A.Example", "dns:a.example", True),
        ("dns:a.example", "uri:a.example", False),
        ("dns:a.example", "dns:a.example.evil", False),
        ("dns:*.example", "dns:a.b.example", True),
        ("dns:*.example", "dns:.example", True),
        ("dns:*.example", "dns:example", False),
        ("dns:a*a", "dns:a", False),
        ("dns:a*a", "dns:aa", True),
        ("dns:a*b*c", "dns:a-b-c", True),
        ("dns:a*b*c", "dns:a-c-b", False),
        ("uri:urn:[a-z]?", "uri:urn:[a-z]?", True),
        ("uri:urn:[a-z]?", "uri:urn:bc", False),
        ("email:*@example", "email:x@example", True),
        ("ip:10.0.0.*", "ip:10.0.0.7", True),
        ("dns:*", "uri:x", False),
    ],
)
def test_patterns(pattern, name, matches):
    rules = RoleRules({}, {Role.PROBE: (pattern,)})
    assert rules.caller(Identity((name,))).may(Role.PROBE) == matches


def test_a_pattern_of_stars_is_quick():
    rules = RoleRules({}, {Role.PROBE: ("dns:" + "*a" * 120 + "b",) * 100})
    started = time.monotonic()
    assert not rules.caller(Identity(("dns:" + "a" * 250,) * 64)).roles
    assert time.monotonic() - started < 2


def test_settings_replace_the_default_holders_of_a_role():
    comparator, host = Identity(("uri:urn:vmfit:comparator",)), Identity(("dns:h",))
    rules = RoleRules(AGENT_ROLES, {})
    assert rules.caller(comparator).roles == {Role.READ, Role.PROBE}
    assert rules.caller(host).roles == {Role.READ}
    rules = RoleRules(AGENT_ROLES, {Role.PROBE: ("dns:h",), Role.READ: ()})
    assert rules.caller(comparator).roles == frozenset()
    assert rules.caller(host).roles == {Role.PROBE}
