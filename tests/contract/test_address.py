"""Addresses: what people type, and what gRPC gets."""

import pytest

from vmfit_contract.address import AddressError, parse_address


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a.example:7", "a.example:7"),
        ("a.example", "a.example:16530"),
        ("192.0.2.1", "192.0.2.1:16530"),
        ("localhost:0", "localhost:0"),
        ("[::1]:99", "[::1]:99"),
        ("[::1]", "[::1]:16530"),
        ("[fe80::1%eth0]:99", "[fe80::1%eth0]:99"),
        ("unix:/run/vmfit/agent.sock", "unix:/run/vmfit/agent.sock"),
        ("unix:///run/vmfit/agent.sock", "unix:/run/vmfit/agent.sock"),
        ("unix:agent.sock", "unix:agent.sock"),
    ],
)
def test_good(text, target):
    address = parse_address(text, 16530)
    assert address.target == target
    assert address.is_unix == text.startswith("unix:")
    assert parse_address(str(address), 1) == address


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "expected host:port"),
        (":7", "expected host:port"),
        ("::1", "brackets"),
        ("a:b:c", "brackets"),
        ("host:", "not a number"),
        ("host:x", "not a number"),
        ("host:65536", "65535"),
        ("host:-1", "not a number"),
        ("host:\uff11", "not a number"),
        ("[::1]x", "brackets"),
        ("[::1]:", "not a number"),
        ("unix:", "path"),
        ("unix:" + "x" * 108, "107"),
        ("http://host", "not a number"),
        ("a b", "expected host:port"),
        ("host\n", "expected host:port"),
    ],
)
def test_bad(text, word):
    with pytest.raises(AddressError, match=word) as caught:
        parse_address(text, 16530)
    assert "\n" not in str(caught.value)
