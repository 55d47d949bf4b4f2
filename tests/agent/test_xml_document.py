"""Reading foreign XML: limits, units, sets of ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.xml_document import (
    MAXIMUM_BYTES,
    MalformedXml,
    flag,
    id_set,
    number,
    parse_document,
    pci_address,
    sized,
)

BOMB = """<!DOCTYPE domain [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<domain><name>&b;</name></domain>"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not well-formed"),
        ("<domain>", "not well-formed"),
        ("garbage", "not well-formed"),
        ("\0", "not well-formed"),
        ("\ud800", "not valid text"),
        ("<network/>", "the root element is <network>"),
        (BOMB, "DTDs and entities are refused"),
        ('<!DOCTYPE domain SYSTEM "http://127.0.0.1:9/x.dtd"><domain/>', "DTDs"),
        (f"<domain>{' ' * MAXIMUM_BYTES}</domain>", "more than 1048576"),
        ("<a>" * 100_000 + "</a>" * 100_000, "the root element is <a>"),
    ],
)
def test_refuses_with_one_line(text, why):
    with pytest.raises(MalformedXml, match=why) as raised:
        parse_document(text, "domain")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1", None, 1024),
        ("1", "b", 1),
        ("3", "bytes", 3),
        ("1", "KB", 1000),
        ("1", "kB", 1000),
        ("1", "k", 1024),
        ("1", "KiB", 1024),
        ("2", "MB", 2_000_000),
        ("2", "M", 2 * 1024**2),
        ("2", "MiB", 2 * 1024**2),
        ("1", "GiB", 1024**3),
        ("1", "TB", 10**12),
        ("16", "EiB", None),
        ("1", "parsec", None),
        ("-1", "KiB", None),
        ("1.5", "GiB", None),
        ("", "KiB", None),
        (None, None, None),
        ("9007199254740991", "KiB", 9007199254740991 * 1024),
    ],
)
def test_sizes(text, unit, expected):
    assert sized(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0x1f", 31), ("12", 12), (" 7 ", 7), ("0xzz", None), ("٣", None), ("4294967296", None)],
)
def test_numbers(text, expected):
    assert number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0-3,^2,8", [0, 1, 3, 8]),
        ("^2,0-3", [0, 1, 3]),
        ("5", [5]),
        ("3-1", []),
        ("0-99999999", []),
        ("all", []),
        (None, []),
    ],
)
def test_id_sets(text, expected):
    assert id_set(text) == expected


@given(st.sets(st.integers(0, 4095)))
def test_id_set_reads_what_was_written(ids):
    assert id_set(",".join(map(str, ids))) == sorted(ids)


@given(st.text())
def test_odd_texts_never_raise(text):
    number(text)
    id_set(text)
    sized(text, text)
    flag(text)


def test_pci_address_takes_hexadecimal_and_decimal():
    address = parse_document(
        "<address domain='0x10000' bus='0x3b' slot='2' function='0x1'/>", "address"
    )
    assert pci_address(address) == "10000:3b:02.1"
    assert pci_address(parse_document("<address type='pci'/>", "address")) is None
