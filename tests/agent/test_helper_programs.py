"""Programs that libvirt starts beside QEMU."""

from vmfit_agent.virtualization.helper_programs import helper_programs


def test_where_distributions_install_them(tree):
    files = {"usr/libexec/virtiofsd": "", "usr/bin/passt": "", "usr/lib/qemu/vhost-user-gpu": ""}
    assert helper_programs(tree(files)) == ["passt", "vhost-user-gpu", "virtiofsd"]


def test_none(tree):
    assert helper_programs(tree({"usr/share/virtiofsd": ""})) == []
