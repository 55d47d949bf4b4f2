"""The agent's settings file: TOML whose keys are the options of the commands.

listen = "[::]:16530"
source = "unix:/run/vmfit/collect.sock"
libvirt_uris = ["qemu:///system"]           # several are asked side by side; [] for none

[roles]
probe = ["dns:vmfit.example"]
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vmfit_agent.content_directories import content_directory_complaint
from vmfit_contract.address import AGENT_METRICS_PORT, AGENT_PORT
from vmfit_contract.settings_file import (
    Check,
    Settings,
    SettingsError,
    address,
    flag,
    number,
    read_settings_file,
    roles,
    text,
    texts,
)

__all__ = [
    "DEFAULT_PATH",
    "KEYS",
    "OPTIONS",
    "Settings",
    "SettingsError",
    "option_values",
    "read_settings",
]

DEFAULT_PATH = Path("/etc/vmfit/agent.toml")
MAX_BYTES = 1 << 20


def _probe_ports(value: object) -> str:
    from vmfit_agent.probes.port_ranges import parse_ports  # noqa: PLC0415 -- most files have none

    if not isinstance(value, list) or any(type(each) not in (int, str) for each in value):
        return 'must be a list of ports and ranges, 1234 and "1234-1239"'
    return _first_problem(value, parse_ports)


def _probe_hosts(value: object) -> str:
    from vmfit_agent.probes.host_patterns import parse_pattern  # noqa: PLC0415 -- as above

    return texts(value) or _first_problem(value, parse_pattern)


def _first_problem(value: object, parse: Callable[[str], object]) -> str:
    for each in value if isinstance(value, list) else ():
        try:
            parse(str(each))
        except ValueError as error:
            return f"{str(each)[:100]!r}: {error}"
    return ""


def directories(value: object) -> str:
    """Check the directories that clients may ask about."""
    if problem := texts(value):
        return problem
    assert isinstance(value, list)
    complaints = ((each, content_directory_complaint(each)) for each in value)
    return next((f"{each[:100]!r} {why}" for each, why in complaints if why), "")


KEYS: Mapping[str, Check] = {
    "attributes_directory": text,
    "content_directories": directories,
    "hash_identifiers": flag,
    "insecure": flag,
    "libvirt_uris": texts,
    "listen": address(AGENT_PORT),
    "metrics": address(AGENT_METRICS_PORT),
    "probe_hosts": _probe_hosts,
    "probe_ports": _probe_ports,
    "probe_socket_directories": texts,
    "preparer": address(AGENT_PORT),
    "prober": address(AGENT_PORT),
    "probes": flag,
    "probes_per_minute": number(0, 10**6 + 1, whole=True),
    "replay": text,
    "roles": roles,
    "site_key_file": text,
    "socket": text,
    "source": address(AGENT_PORT),
    "tls_ca": text,
    "tls_cert": text,
    "tls_key": text,
}
# Tables are no options.
OPTIONS = {
    "attributes_directory": "attributes",
    "content_directories": "content_directory",
    "libvirt_uris": "libvirt_uri",
}
"""The options that are called otherwise than their keys."""
_TABLES = frozenset(("roles",))


def read_settings(path: Path | None) -> Settings:
    """Read and check the settings file; without a path the default one, which may be missing.

    Raises SettingsError.
    """
    return read_settings_file(path, DEFAULT_PATH, KEYS, MAX_BYTES)


def option_values(settings: Settings) -> dict[str, Any]:
    """Return the values by the name of the option that they set."""
    return {
        OPTIONS.get(key, key): value for key, value in settings.values.items() if key not in _TABLES
    }
