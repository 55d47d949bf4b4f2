"""The configuration file: TOML whose keys are the options of the commands."""

from collections.abc import Mapping
from pathlib import Path

from vmfit_contract.address import AGENT_PORT, AddressError, parse_address

DEFAULT_PATH = Path("/etc/vmfit/agent.toml")
MAX_BYTES = 1 << 20

# By key: the type of its value and the option that it sets.
KEYS: Mapping[str, tuple[type, str]] = {
    "attributes_directory": (str, "attributes"),
    "insecure": (bool, "insecure"),
    "libvirt_uris": (list, "libvirt_uri"),
    "listen": (str, "listen"),
    "probes": (bool, "probes"),
    "probes_per_minute": (int, "probes_per_minute"),
    "replay": (str, "replay"),
    "socket": (str, "socket"),
    "source": (str, "source"),
    "tls_ca": (str, "tls_ca"),
    "tls_cert": (str, "tls_cert"),
    "tls_key": (str, "tls_key"),
}
_ADDRESSES = frozenset(("listen", "source"))
_TYPE_NAMES = {str: "a text", bool: "true or false", int: "a number", list: "a list of texts"}


class SettingsError(Exception):
    """The configuration cannot be used; one line that names the file and the key."""


def read_settings(path: Path | None) -> dict[str, object]:
    """Return the values by the name of the option that they set.

    Without a path the default file is read, and may be missing. Raises SettingsError.
    """
    try:
        with (path or DEFAULT_PATH).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        if path is None:
            return {}
        raise SettingsError(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise SettingsError(f"{path or DEFAULT_PATH}: {error.strerror}") from None
    return parse_settings(content, str(path or DEFAULT_PATH))


def parse_settings(content: bytes, name: str) -> dict[str, object]:
    """Return the values of a file's content; `name` is what errors call it."""
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{name}: larger than {MAX_BYTES} bytes")
    import tomllib  # noqa: PLC0415 -- most hosts have no such file

    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(f"{name}: not TOML: {reason}") from None
    values = {}
    for key, value in table.items():
        if key not in KEYS:
            raise SettingsError(f"{name}: {key[:100]}: no such key; there are {', '.join(KEYS)}")
        expected, option = KEYS[key]
        if type(value) is not expected or not _holds_texts(value):
            raise SettingsError(f"{name}: {key}: must be {_TYPE_NAMES[expected]}")
        if key in _ADDRESSES:
            try:
                parse_address(str(value), AGENT_PORT)
            except AddressError as error:
                raise SettingsError(f"{name}: {key}: {error}") from None
        values[option] = value
    return values


def _holds_texts(value: object) -> bool:
    return not isinstance(value, list) or all(isinstance(each, str) for each in value)
