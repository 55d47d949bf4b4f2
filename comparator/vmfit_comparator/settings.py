"""The comparator's settings file: what commands do when neither environment nor flags say it.

server = "vmfit.example:16531"      # ask this comparator instead of the hosts' agents
timeout = 20.0                      # seconds
policy = "conservative"             # a name or a file
policies = ["/etc/vmfit/policies/site.yaml"]
store = "sqlite:////var/lib/vmfit/comparator.db"    # keep checks and outcomes there
store_checks = 100000               # how many checks to keep; as many more if an outcome is known

[hosts.alpha]
address = "alpha.example:16530"
"""

from collections.abc import Mapping
from pathlib import Path

from vmfit_contract.settings_file import (
    Check,
    Settings,
    SettingsError,
    flag,
    number,
    one_of,
    read_settings_file,
    roles,
    table,
    text,
    texts,
)

__all__ = ["DEFAULT_PATH", "KEYS", "OUTPUT_FORMATS", "Settings", "SettingsError", "read_settings"]

DEFAULT_PATH = Path("/etc/vmfit/comparator.toml")
OUTPUT_FORMATS = ("table", "json", "yaml")

# Inventories may have some ten thousand hosts.
_MAX_BYTES = 16 * 1024 * 1024
KEYS: Mapping[str, Check] = {
    "hosts": table,
    "insecure": flag,
    "listen": texts,
    "output": one_of(OUTPUT_FORMATS),
    "policies": texts,
    "policy": text,
    "roles": roles,
    "server": text,
    "store": text,
    "store_checks": number(0, 10**9, whole=True),
    "timeout": number(0, 86400),
}


def read_settings(path: Path | None) -> Settings:
    """Read and check a settings file; without `path` the default one, which may be missing.

    The inventory checks its `hosts`. Raises SettingsError.
    """
    return read_settings_file(path, DEFAULT_PATH, KEYS, _MAX_BYTES)
