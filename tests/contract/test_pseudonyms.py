"""Pseudonyms keep what tells kinds apart, and equal values equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_contract.masking.pseudonyms import KEPT_WORDS, Pseudonyms

PSEUDONYMS = Pseudonyms(b"k" * 32)
HEXADECIMAL = st.text("0123456789abcdef", min_size=32, max_size=32)


def is_number(digits):
    """Whether the digits say nothing in ASCII, and are not zeros."""
    return bool(digits.strip("0")) and not bytes.fromhex(digits).isascii()


@given(st.text("0123456789abcdefABCDEFxyzXYZ", min_size=2, max_size=11))
def test_pseudonyms_keep_their_shape(run):
    masked = PSEUDONYMS.run(run)
    assert [each.isdigit() for each in masked] == [each.isdigit() for each in run]
    assert [each.isupper() for each in masked] == [each.isupper() for each in run]
    assert PSEUDONYMS.run(run.upper()).lower() == masked.lower()
    assert bool(masked.strip("0")) == bool(run.strip("0"))


@given(st.text("0123456789abcdef", min_size=34, max_size=60))
def test_a_wwn_is_the_beginning_of_its_extension(value):
    if is_number(value[:20]) and is_number(value[: len(value) // 2 * 2]):
        assert PSEUDONYMS.run(value)[:20] == PSEUDONYMS.run(value[:20])


def test_a_shelf_of_disks_stays_as_many():
    serials = [f"S4EWNX0M1234{number:02}" for number in range(100)]
    names = [f"5000c500a1b2c3{number:02x}" for number in range(256)]
    for values in (serials, names):
        assert len({PSEUDONYMS.run(each) for each in values}) == len(values)


@given(HEXADECIMAL.filter(is_number))
def test_the_type_digit_of_udev_changes_nothing(naa):
    assert PSEUDONYMS.run("3" + naa) == "3" + PSEUDONYMS.run(naa)
    assert PSEUDONYMS.run("0x" + naa) == "0x" + PSEUDONYMS.run(naa)


@pytest.mark.parametrize("kept", [*sorted(KEPT_WORDS), "0" * 16, "part1", "0x0000"])
def test_what_tells_kinds_apart_stays(kept):
    assert PSEUDONYMS.run(kept) == kept


def test_text_in_hexadecimal_is_masked_as_what_it_says():
    serial = "S4EWNX0M123456"
    masked = PSEUDONYMS.run(serial.encode().hex())
    assert bytes.fromhex(masked).decode() == PSEUDONYMS.run(serial) != serial


def test_a_tap_has_the_address_of_its_guest():
    guest, tap = PSEUDONYMS.mac("525400abcdef"), PSEUDONYMS.mac("fe5400abcdef")
    assert (guest[:2], tap[:2]) == ("52", "fe")
    assert guest[2:] == tap[2:] != "5400abcdef"
    assert PSEUDONYMS.mac("0" * 12) == "0" * 12
    assert PSEUDONYMS.mac("F" * 12) == "f" * 12


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_octets_keep_their_number_and_what_is_equal(first, second):
    assert len(PSEUDONYMS.octets(first)) == len(first)
    if len(first) >= 8:
        assert PSEUDONYMS.octets(first) != first
        assert (PSEUDONYMS.octets(first) == PSEUDONYMS.octets(second)) == (first == second)


def test_another_key_gives_other_pseudonyms():
    other = Pseudonyms(b"j" * 32)
    for run in ("S4EWNX0M123456", "5000c500a1b2c3d4"):
        assert PSEUDONYMS.run(run) != other.run(run)
    assert PSEUDONYMS.iscsi_name("iqn.2004-04.a:b") != other.iscsi_name("iqn.2004-04.a:b")
    assert PSEUDONYMS.mac("525400abcdef") != other.mac("525400abcdef")
