"""Inventories, and what a program gets when it imports the comparator."""

import subprocess
import sys

import pytest

import vmfit_comparator
from vmfit_comparator.hosts.inventory import InventoryError, read_inventory


def test_inventory(tmp_path):
    path = tmp_path / "comparator.toml"
    path.write_text(
        """
        listen = "localhost:1"
        [hosts.zeta]
        address = "zeta.example:17000"
        expect_hostname = "zeta"
        [hosts."a.example"]
        [hosts.local]
        address = "unix:/run/vmfit/agent.sock"
        """
    )
    hosts = read_inventory(path).hosts
    assert {name: str(each.address) for name, each in hosts.items()} == {
        "zeta": "zeta.example:17000",
        "a.example": "a.example:16530",
        "local": "unix:/run/vmfit/agent.sock",
    }
    assert list(hosts) == ["zeta", "a.example", "local"]
    assert hosts["zeta"].expect_hostname == "zeta"
    path.write_text("timeout = 3")
    assert not read_inventory(path).hosts


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[hosts", "at the end of a table"),
        ("hosts = 3", "hosts: must be a table"),
        ("[hosts]\nalpha = 'x'", "hosts.alpha: must be a table"),
        ("[hosts.alpha]\nadress = 'x'", "hosts.alpha.adress: no such setting"),
        ("[hosts.alpha]\naddress = 3", "hosts.alpha.address: must be a text"),
        ("[hosts.alpha]\naddress = 'a:b:c'", "hosts.alpha.address: address 'a:b:c'"),
        ("[hosts.'a:1']\naddress = 'x'", "hosts.a:1: a name has letters"),
        ("[hosts.a.b]\naddress = 'x'", "hosts.a.b: no such setting"),
        ("[hosts.a]\n[hosts.a]", "hosts"),
        ("\xff", "comparator.toml"),
    ],
)
def test_bad_inventory(tmp_path, text, complaint):
    path = tmp_path / "comparator.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InventoryError) as caught:
        read_inventory(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_inventory(tmp_path):
    with pytest.raises(InventoryError, match="none: No such file"):
        read_inventory(tmp_path / "none")


def test_import_is_cheap():
    code = (
        "import sys, vmfit_comparator\n"
        "assert not {'grpc', 'google.protobuf', 'cel_expr_python', 'yaml'} & set(sys.modules)\n"
        "from vmfit_comparator import *\n"
        "assert Engine.__name__ == 'Engine'\n"
        "assert 'cel_expr_python' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_are_errors():
    with pytest.raises(AttributeError, match="Engin"):
        vmfit_comparator.Engin  # noqa: B018
