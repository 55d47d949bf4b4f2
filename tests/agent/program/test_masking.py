from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.recording.masking import Masking, mask_mac, pseudonym

MAC = "52:54:00:ab:cd:ef"


@given(st.text("0123456789abcdefABCDEFxyzXYZ", min_size=2, max_size=40), st.integers(1, 40))
def test_pseudonyms_keep_shape_and_beginnings(run, length):
    masked = pseudonym(run)
    assert len(masked) == len(run)
    for before, after in zip(run, masked, strict=True):
        assert before.isdigit() == after.isdigit()
        assert before.isupper() == after.isupper()
    assert pseudonym(run) == masked
    assert pseudonym(run.upper()).lower() == masked.lower()


@given(st.text("0123456789abcdef", min_size=34, max_size=60))
def test_a_wwn_is_the_beginning_of_its_extension(value):
    assert pseudonym(value)[:20] == pseudonym(value[:20])


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_udevs_type_digit_changes_nothing(naa):
    assert pseudonym("3" + naa) == "3" + pseudonym(naa)
    assert pseudonym("0x" + naa) == "0x" + pseudonym(naa)


def test_values_learnt_in_one_file_are_masked_in_all():
    masking = Masking()
    masking.learn(PurePath("sys/class/block/sda/device/serial"), "S4EWNX0M123456\n")
    masking.learn(
        PurePath("run/udev/data/b8:0"), "E:ID_WWN=0x5000c500a1b2c3d4\nE:ID_MODEL=ST4000NM\n"
    )
    text = masking.mask(
        "by-id/ata-ST4000NM_S4EWNX0M123456 wwn-0x5000C500A1B2C3D4 mpath-35000c500a1b2c3d4"
    )
    assert "S4EWNX0M123456" not in text
    assert "c500a1b2c3d4" not in text.lower()
    assert "ST4000NM" in text
    wwn = pseudonym("5000c500a1b2c3d4")
    assert f"mpath-3{wwn}" in text
    assert f"wwn-0x{wwn}".lower() in text.lower()
    file = masking.mask_file(PurePath("run/udev/data/b8:0"), "E:ID_WWN=0x5000c500a1b2c3d4\n")
    assert file == f"E:ID_WWN=0x{wwn}\n"


def test_a_serial_in_hexadecimal_is_masked_alike():
    masking = Masking()
    masking.learn(PurePath("sys/class/nvme/nvme0/serial"), "S4EWNX0M123456  ")
    encoded = b"S4EWNX0M123456".hex()
    masked = masking.mask(f"nvme.144d-{encoded}-00000001")
    assert masked == f"nvme.144d-{pseudonym('S4EWNX0M123456').encode().hex()}-00000001"


@pytest.mark.parametrize("value", ["none", "1048576", "0x1af4", "QEMU", "default", "1024"])
def test_words_and_sizes_are_not_learnt(value):
    masking = Masking()
    masking.learn(PurePath("sys/class/block/sda/serial"), value)
    assert masking.mask(f"size {value} kB") == f"size {value} kB"


def test_macs_in_all_their_forms():
    masked = mask_mac(MAC)
    assert masked != MAC
    assert masked.startswith("52:")
    assert Masking().mask(f"a {MAC} b {MAC.upper()}") == f"a {masked} b {masked}"
    assert Masking().mask("enx525400abcdef") == "enx" + masked.replace(":", "")
    inet6 = "fe80000000000000505400fffeabcdef 02 40 20 80     eth0"
    expected = masked.replace(":", "")
    tail = f"{int(expected[:2], 16) ^ 2:02x}{expected[2:6]}fffe{expected[6:]}"
    assert Masking().mask(inet6) == f"fe80000000000000{tail} 02 40 20 80     eth0"
    for kept in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:1f.2", "0000:00:1f.2"):
        assert Masking().mask(kept) == kept


def test_iscsi_names_stay_names_and_stay_apart():
    text = 'InitiatorName=iqn.1993-08.org.debian:01:abcdef\n<a b="iqn.2004-04.com.qnap:ts:x"/>'
    masked = Masking().mask(text)
    assert "debian" not in masked
    assert "qnap" not in masked
    first, second = masked.split("\n")
    assert first.startswith("InitiatorName=iqn.2000-01.org.example:")
    assert second.startswith('<a b="iqn.2000-01.org.example:')
    assert first.split(":")[1] != second.split(":")[1].split('"')[0]
    assert Masking().mask(masked) == masked
