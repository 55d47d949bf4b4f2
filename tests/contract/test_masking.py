"""What identifies is masked wherever and however it is written; what does not, stays."""

import ipaddress

import pytest

from vmfit_contract.masking.masking import Masking

KEY = b"k" * 32
SERIAL = "S4EWNX0M123456"
MAC = "52:54:00:ab:cd:ef"
UUID = "4c4c4544-0047-4710-8051-b4c04f4d3432"
BOARD = "/dev/disk/by-id/"


@pytest.fixture
def masking():
    return Masking(KEY)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"mac {MAC}", "ab:cd:ef"),
        ("mac 52-54-00-ab-cd-ef", "ab-cd-ef"),
        ("mac 5254.00ab.cdef", "00ab.cdef"),
        ("link enx525400abcdef up", "abcdef"),
        ("80:00:02:08:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:2b:06", "90:03:00:29"),
        (f"<uuid>{UUID}</uuid>", "0047-4710"),
        ("inet6 fe80::5054:ff:feab:cdef/64", "feab:cdef"),
        ("fe80000000000000505400fffeabcdef 02 40 20 80 eth0", "feabcdef"),
        ("InitiatorName=iqn.1993-08.org.debian:01:abcdef", "debian"),
        ("hostnqn nqn.2014-08.org.nvmexpress:uuid:1", "uuid:1"),
        ("naa.5000c500a1b2c3d4", "a1b2c3d4"),
        ("eui.0025385b71b0e7a1", "5b71b0e7"),
        ("pci-0000:00:17.0-sas-0x5000c500a1b2c3d4-lun-0", "a1b2c3d4"),
        ("-device scsi-hd,serial=QWERTY12,wwn=0x5000c500a1b2c3d4", "QWERTY12"),
    ],
)
def test_what_identifies_by_its_form_is_masked(masking, text, secret):
    masked = masking.text(text)
    assert secret not in masked
    assert len(masked) == len(text) or "qn." in text or "inet6" in text
    assert masking.text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:1f.2", "0000:00:1f.2", "2001:db8::1",
        "00000000-0000-0000-0000-000000000000", "10.0.0.9:3260,1", "2026-11-30 12:34:56",
        "8:0", "0-3,8-11", "5.15.0-91-generic", "size 1048576 kB",
    ],
)  # fmt: skip
def test_what_identifies_nothing_stays(masking, text):
    assert masking.text(text) == text


def test_learnt_values_are_masked_in_all_texts(masking):
    masking.keep("ST4000NM")
    masking.learn_identifier(SERIAL)
    masking.learn_identifier("0x5000c500a1b2c3d4")
    text = masking.text(
        f"{BOARD}ata-ST4000NM_{SERIAL}-part1 wwn-0x5000C500A1B2C3D4 mpath-35000c500a1b2c3d4"
    )
    assert SERIAL not in text
    assert "c500a1b2c3d4" not in text.lower()
    assert f"ata-ST4000NM_{masking.identifier(SERIAL)}-part1" in text
    assert f"mpath-3{masking.identifier('5000c500a1b2c3d4')}" in text


def test_a_serial_in_hexadecimal_is_masked_alike(masking):
    encoded = SERIAL.encode().hex()
    masking.learn_identifier(f"nvme.144d-{encoded}-00000001")
    masked = masking.text(f"nvme.144d-{encoded}-00000001")
    assert masked.split("-")[1] == masking.identifier(SERIAL).encode().hex()


def test_the_same_mac_is_the_same_however_it_is_written(masking):
    digits = masking.text(MAC).replace(":", "")
    assert masking.text("52-54-00-ab-cd-ef").replace("-", "") == digits
    assert masking.text("5254.00ab.cdef").replace(".", "") == digits
    assert masking.text("enx525400abcdef") == f"enx{digits}"
    plain = masking.text("fe80::5054:ff:feab:cdef")
    kernel = masking.text("fe80000000000000505400fffeabcdef")
    assert ipaddress.IPv6Address(bytes.fromhex(kernel)).compressed == plain
    assert kernel[-6:] == digits[-6:]


@pytest.mark.parametrize("value", ["none", "1048576", "0x1af4", "QEMU", "default", "1024"])
def test_words_and_sizes_are_not_learnt(masking, value):
    masking.keep("QEMU")
    masking.learn_identifier(value)
    assert masking.text(f"size {value} kB") == f"size {value} kB"


def test_names_of_hosts_are_masked_label_by_label(masking):
    masking.learn_name("hv07.example-site.org")
    masked = masking.text("qemu+tls://hv07.example-site.org/system and hv07 at example-site.org")
    for name in ("hv07", "example-site"):
        assert name not in masked
    whole = masking.name("hv07.example-site.org")
    assert whole.endswith(".org")
    assert (
        masked
        == f"qemu+tls://{whole}/system and {whole.split('.')[0]} at " + whole.partition(".")[2]
    )


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain", "10.0.0.1", "::1", "host"])
def test_names_that_every_host_has_are_not_learnt(masking, name):
    masking.learn_name(name)
    assert masking.text(f"a {name} b") == f"a {name} b"


def test_iscsi_records_keep_their_places(masking):
    """A name masked together with the portal after it makes one record of two."""
    first = "etc/iscsi/nodes/iqn.2004-04.com.qnap:ts:x/10.0.0.9,3260,1"
    second = first.replace("10.0.0.9", "10.0.0.8")
    name, portal = masking.text(first).split("/")[-2:]
    assert portal == "10.0.0.9,3260,1"
    assert masking.text(second).split("/")[-2:] == [name, "10.0.0.8,3260,1"]
    assert "qnap" not in name
    assert name.startswith("iqn.2000-01.org.example:")
    link = masking.text("ip-10.0.0.9:3260-iscsi-iqn.2004-04.com.qnap:ts:x-lun-1-part2")
    assert link == f"ip-10.0.0.9:3260-iscsi-{name}-lun-1-part2"
