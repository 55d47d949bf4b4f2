"""The words of a definition, and its weights."""

import pytest

from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.domain_xml.words import MAXIMUM_WORDS, definition_words
from vmfit_agent.xml_document import MalformedXml

GUEST = """
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web</name><uuid>1</uuid>
  <metadata><app:secret xmlns:app='urn:a' token='t'/><plain/></metadata>
  <cputune><shares>2048</shares></cputune><blkiotune><weight>300</weight></blkiotune>
  <features><ps2 state='off'/></features>
  <devices>
    <panic model='pvpanic'/>
    <disk type='file'><source file='/srv/secret.img'/></disk>
    <disk type='file'><source file='/srv/other.img'/></disk>
    <video><model type='virtio' heads='2'/></video>
    <odd type='Nothing Of Ours'/>
  </devices>
  <qemu:commandline><qemu:arg value='-x'/></qemu:commandline>
</domain>
"""


def test_each_word_once_and_no_value_but_a_choice():
    assert definition_words(GUEST) == [
        "@type=kvm",
        "blkiotune",
        "blkiotune/weight",
        "cputune",
        "cputune/shares",
        "devices",
        "devices/disk",
        "devices/disk/@type=file",
        "devices/disk/source",
        "devices/disk/source/@file",
        "devices/odd",
        "devices/odd/@type",
        "devices/panic",
        "devices/panic/@model=pvpanic",
        "devices/video",
        "devices/video/model",
        "devices/video/model/@heads",
        "devices/video/model/@type=virtio",
        "features",
        "features/ps2",
        "features/ps2/@state",
        "name",
        "uuid",
    ]


def test_words_are_bounded():
    many = "".join(f"<w{number} a{number}='1'/>" for number in range(MAXIMUM_WORDS))
    assert len(definition_words(f"<domain>{many}</domain>")) == MAXIMUM_WORDS
    deep = f"<domain>{'<a>' * 200}{'</a>' * 200}</domain>"
    assert max(each.count("/") for each in definition_words(deep)) == 7
    with pytest.raises(MalformedXml):
        definition_words("<domain>")


def test_weights_and_heads():
    vm = parse_vm(GUEST)
    assert (vm.tuning.cpu_shares, vm.tuning.block_weight) == (2048, 300)
    assert [each.head_count for each in vm.other_devices if each.kind == "video"] == [2]
    assert not parse_vm("<domain><name>a</name></domain>").HasField("tuning")
