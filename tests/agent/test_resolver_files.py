"""Static names and name servers."""

from vmfit.v1.host_pb2 import Identity
from vmfit_agent.host import Host
from vmfit_agent.resolver_files import add_resolver


def resolver(root, **files):
    (root / "etc").mkdir()
    for name, text in files.items():
        (root / "etc" / name.replace("_", ".")).write_text(text)
    identity = Identity()
    add_resolver(Host(root=root), identity)
    return identity


def test_names_and_servers(tmp_path):
    found = resolver(
        tmp_path,
        hosts="127.0.0.1 localhost # home\n\n192.0.2.2\tbeta.example.net beta\n#192.0.2.3 gamma\n",
        resolv_conf="search example.net\nnameserver 192.0.2.53\nnameserver\nnameserver ::1\n",
    )
    assert found.static_host_names == ["beta", "beta.example.net", "localhost"]
    assert found.name_servers == ["192.0.2.53", "::1"]
    assert found.resolver_read


def test_a_host_without_name_servers(tmp_path):
    found = resolver(tmp_path, hosts="127.0.0.1 localhost\n", resolv_conf="")
    assert found.resolver_read
    assert not found.name_servers


def test_what_cannot_be_read_is_not_claimed(tmp_path):
    found = resolver(tmp_path, hosts="127.0.0.1 localhost\n")
    assert not found.resolver_read
    assert not found.static_host_names
