"""The comparator's settings file: what commands do when neither environment nor flags say it.

server = "vmfit.example:16531"      # ask this comparator instead of the hosts' agents
timeout = 20.0                      # seconds
agent_answer_bytes = 4194304        # the most that an agent's answer may have
any_address = true                  # clients of `serve` may name hosts outside the inventory
tls_cert = "/etc/vmfit/tls/comparator.pem"          # shown to agents and comparators, with tls_key
tls_key = "/etc/vmfit/tls/comparator.key"
tls_ca = "/etc/vmfit/tls/ca.pem"                    # the authority of their certificates
policy = "conservative"             # a name or a file
policies = ["/etc/vmfit/policies/site.yaml"]
store = "sqlite:////var/lib/vmfit/comparator.db"    # keep checks and outcomes there
store_checks = 100000               # how many checks to keep; as many more if an outcome is known
store_past = true                   # `serve` keeps there what hosts say, too
store_days = 90                     # for so many days
store_past_bytes = 2000000000       # and no more than so much; the oldest goes first

[hosts.alpha]
address = "alpha.example:16530"
tls_server_name = "alpha.storage.example"           # where its certificate has another name

[roles]
administer = ["email:alice@example.org"]            # who may do more than read and check
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vmfit_contract.address import COMPARATOR_METRICS_PORT
from vmfit_contract.settings_file import (
    Check,
    Settings,
    SettingsError,
    address,
    flag,
    number,
    one_of,
    read_settings_file,
    roles,
    table,
    text,
    texts,
)

__all__ = [
    "DEFAULT_PATH",
    "DEFAULT_STORE_DAYS",
    "DEFAULT_STORE_PAST_BYTES",
    "KEYS",
    "OUTPUT_FORMATS",
    "Settings",
    "SettingsError",
    "option_values",
    "read_settings",
]

DEFAULT_PATH = Path("/etc/vmfit/comparator.toml")
DEFAULT_STORE_DAYS = 90
DEFAULT_STORE_PAST_BYTES = 2_000_000_000
OUTPUT_FORMATS = ("table", "wide", "json", "yaml")

# Inventories may have some ten thousand hosts.
_MAX_BYTES = 16 * 1024 * 1024
KEYS: Mapping[str, Check] = {
    "agent_answer_bytes": number(1023, 64 * 1024 * 1024 + 1, whole=True),
    "any_address": flag,
    "hosts": table,
    "insecure": flag,
    "listen": texts,
    "metrics": address(COMPARATOR_METRICS_PORT),
    "output": one_of(OUTPUT_FORMATS),
    "policies": texts,
    "policy": text,
    "roles": roles,
    "server": text,
    "store": text,
    "store_checks": number(0, 10**9, whole=True),
    "store_days": number(0, 36_500),
    "store_past": flag,
    "store_past_bytes": number(10**6 - 1, 10**13, whole=True),
    "timeout": number(0, 86400),
    "tls_ca": text,
    "tls_cert": text,
    "tls_key": text,
}
# The others are tables and lists that no single option stands for.
_OPTIONS = (
    "server",
    "insecure",
    "timeout",
    "tls_cert",
    "tls_key",
    "tls_ca",
    "policy",
    "output",
    "listen",
    "metrics",
    "store",
)


def read_settings(path: Path | None) -> Settings:
    """Read and check a settings file; without `path` the default one, which may be missing.

    The inventory checks its `hosts`. Raises SettingsError.
    """
    return read_settings_file(path, DEFAULT_PATH, KEYS, _MAX_BYTES)


def option_values(settings: Settings) -> dict[str, Any]:
    """Return the values by the name of the option that they set."""
    return {key: settings.values[key] for key in _OPTIONS if key in settings.values}
