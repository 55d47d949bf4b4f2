"""libvirt's XML without its secrets still says all that a description needs."""

import pytest

from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.redaction.libvirt_xml import MAXIMUM_DEPTH, redact_xml
from vmfit_agent.xml_document import MalformedXml

HUSH = "hUsh4"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"


def domain(content, namespace=""):
    return f"<domain type='kvm' {namespace}><name>web</name>{content}</domain>"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (f"<devices><graphics type='vnc' passwd='two {HUSH}'/></devices>", 'passwd="***"'),
        ((f"<devices><disk><source protocol='https' name='a'><cookies><cookie name='sid'>{HUSH}"
         "</cookie></cookies></source></disk></devices>"), '<cookie name="sid">***</cookie>'),
        ((f"<devices><disk><source protocol='https' name='a' query='id=7&amp;token={HUSH}'/></disk>"
         "</devices>"), "id=7"),
        ((f"<devices><disk><source protocol='iscsi' name='a'><auth username='{HUSH}'>"
         f"<secret type='iscsi' uuid='{UUID}'/></auth></source></disk></devices>"), UUID),
        (f"<devices><tpm><backend><encryption secret='{UUID}'/></backend></tpm></devices>", UUID),
        (f"<sysinfo type='smbios'><oemStrings><entry>{HUSH}</entry></oemStrings></sysinfo>",
         "<entry>***</entry>"),
        (f"<sysinfo type='fwcfg'><entry name='opt/a'>{HUSH}</entry></sysinfo>", "opt/a"),
        ("<sysinfo type='smbios'><system><entry name='product'>KVM</entry></system></sysinfo>",
         "KVM"),
        (f"<os><cmdline>ro token={HUSH}</cmdline></os>", "ro token=***"),
        (f"<os><initenv name='A'>{HUSH}</initenv></os>", 'name="A"'),
        ((f"<launchSecurity type='sev'><policy>0x3</policy><session>{HUSH}</session>"
         "</launchSecurity>"), "<policy>0x3</policy>"),
        (f"<metadata><a xmlns='urn:a'>{HUSH}</a></metadata><title>{HUSH}</title>", "web"),
        (f"<description>{HUSH}</description><!-- {HUSH} --><?pi {HUSH}?>", "web"),
        (f"<foreign xmlns='urn:x' a='{HUSH}'>{HUSH}</foreign>", "foreign"),
    ],
)  # fmt: skip
def test_a_secret_leaves_and_its_place_stays(content, kept):
    redacted = redact_xml(domain(content), "domain")
    assert HUSH not in redacted
    assert kept in redacted
    assert redact_xml(redacted, "domain") == redacted
    assert parse_vm(redacted) == parse_vm(domain(content))


def test_arguments_and_environment_that_go_past_libvirt():
    content = (
        f"<qemu:commandline><qemu:arg value='-object'/><qemu:arg value='secret,id=s,data={HUSH}'/>"
        f"<qemu:env name='TOKEN' value='{HUSH}'/></qemu:commandline>"
        "<qemu:override><qemu:device alias='hostdev0'><qemu:frontend>"
        "<qemu:property name='x-speed' type='string' value='16'/></qemu:frontend></qemu:device>"
        "</qemu:override>"
    )
    redacted = redact_xml(domain(content, QEMU), "domain")
    assert HUSH not in redacted
    assert 'value="16"' in redacted
    assert list(parse_vm(redacted).qemu_arguments) == ["-object", "secret,id=s,data=***"]
    assert parse_vm(domain(content, QEMU)) == parse_vm(redacted)


MOUNTED = (
    "<pool type='netfs' xmlns:fs='http://libvirt.org/schemas/storagepool/fs/1.0'><fs:mount_opts>"
    f"<fs:option name='password={HUSH}'/></fs:mount_opts></pool>"
)
LOGIN = f"<pool><source><auth type='chap' login='{HUSH}' passwd='{HUSH}'/></source></pool>"
VOLUME = f"<volume><backingStore><path>https://u:{HUSH}@h/i</path></backingStore></volume>"
RESOLVED = (
    "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><dnsmasq:options>"
    f"<dnsmasq:option value='x={HUSH}'/></dnsmasq:options></network>"
)
SECRET = f"<secret><description>{HUSH}</description></secret>"


@pytest.mark.parametrize(
    ("tag", "text"),
    [("pool", MOUNTED), ("pool", LOGIN), ("volume", VOLUME), ("network", RESOLVED),
     ("secret", SECRET)],
)  # fmt: skip
def test_other_objects_of_libvirt(tag, text):
    assert HUSH not in redact_xml(text, tag)


def test_depth_is_bounded():
    for levels, fits in ((MAXIMUM_DEPTH, True), (MAXIMUM_DEPTH + 1, False), (200_000, False)):
        text = "<a>" * levels + "</a>" * levels
        if fits:
            assert redact_xml(text, "a")
        else:
            with pytest.raises(MalformedXml, match=r"more than \d+"):
                redact_xml(text, "a")
