"""The inventory: the hosts that a comparator knows by name, from TOML.

[hosts.alpha]
address = "alpha.example:16530"
expect_hostname = "alpha"
tls_server_name = "alpha.storage.example"
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from vmfit_contract.address import AGENT_PORT, Address, AddressError, parse_address
from vmfit_contract.spelling import did_you_mean

_KEYS = ("address", "expect_hostname", "tls_server_name")
_MAX_FILE_BYTES = 16 * 1024 * 1024
# Names without ":" or "/", so that no name is taken for an address or a file.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


class InventoryError(ValueError):
    """An inventory that cannot be used; the message names file and field."""


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One host of the inventory."""

    name: str
    address: Address
    expect_hostname: str | None = None
    """The name that the host must call itself; None takes what it says."""
    tls_server_name: str | None = None
    """The name that its certificate must have; None stands for the address."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts by name, in the file's order."""

    hosts: Mapping[str, HostEntry] = field(default_factory=dict)
    by_address: Mapping[Address, HostEntry] = field(init=False, repr=False, compare=False)
    """The first host of each address."""

    def __post_init__(self) -> None:
        """Look up by address."""
        entries = reversed(list(self.hosts.values()))
        object.__setattr__(self, "by_address", {each.address: each for each in entries})


def names_matching(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that one of the patterns, with * and ?, matches; in their order."""
    return [each for each in names if any(fnmatchcase(each, pattern) for pattern in patterns)]


def read_inventory(path: Path) -> Inventory:
    """Read the `[hosts.NAME]` tables of a TOML file. Raises InventoryError.

    Tables and keys beside `hosts` are left alone: they configure the commands.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InventoryError(f"{path}: {error.strerror}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise InventoryError(f"{path}: larger than {_MAX_FILE_BYTES} bytes")
    try:
        tree = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InventoryError(f"{path}: {' '.join(str(error).split())}") from None
    try:
        return parse_inventory(tree.get("hosts", {}))
    except InventoryError as error:
        raise InventoryError(f"{path}: {error}") from None


def parse_inventory(tree: object) -> Inventory:
    """Return the inventory that the value of `hosts` describes. Raises InventoryError."""
    hosts = _table(tree, "hosts")
    return Inventory({name: _entry(name, each) for name, each in hosts.items()})


def _entry(name: str, tree: object) -> HostEntry:
    where = f"hosts.{name}"
    if not _NAME.fullmatch(name):
        raise InventoryError(f"{where}: a name has letters, digits, '.', '_' and '-' only")
    table = _table(tree, where)
    for key in table:
        if key not in _KEYS:
            raise InventoryError(f"{where}.{key}: no such setting{did_you_mean(key, _KEYS)}")
    for key, value in table.items():
        if not isinstance(value, str):
            raise InventoryError(f"{where}.{key}: must be a text")
    try:
        address = parse_address(table.get("address", name), AGENT_PORT)
    except AddressError as error:
        raise InventoryError(f"{where}.address: {error}") from None
    return HostEntry(name, address, table.get("expect_hostname"), table.get("tls_server_name"))


def _table(tree: object, where: str) -> Mapping[str, Any]:
    if not isinstance(tree, Mapping):
        raise InventoryError(f"{where}: must be a table")
    return tree
