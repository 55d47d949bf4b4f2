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

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmfit_comparator.spelling import did_you_mean

DEFAULT_PATH = Path("/etc/vmfit/comparator.toml")
OUTPUT_FORMATS = ("table", "json", "yaml")

_MAX_FILE_BYTES = 16 * 1024 * 1024
_TYPES: Mapping[str, tuple[type, ...]] = {
    "server": (str,),
    "insecure": (bool,),
    "timeout": (int, float),
    "policy": (str,),
    "output": (str,),
    "store": (str,),
    "store_checks": (int,),
    "policies": (list,),
    "listen": (list,),
    "hosts": (dict,),
}
_WORDS = {str: "a text", bool: "true or false", int: "a number", list: "a list of texts"}


class SettingsError(ValueError):
    """A settings file that cannot be used; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says; `hosts` is left to the inventory."""

    path: Path | None = None
    """None when there is no file."""
    values: Mapping[str, Any] = field(default_factory=dict)


def read_settings(path: Path | None) -> Settings:
    """Read and check a settings file; without `path` the default one, if it exists.

    Raises SettingsError.
    """
    if path is None:
        if not DEFAULT_PATH.exists():
            return Settings()
        path = DEFAULT_PATH
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise SettingsError(f"{path}: larger than {_MAX_FILE_BYTES} bytes")
        tree = tomllib.loads(content.decode())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {' '.join(str(error).split())}") from None
    for key, value in tree.items():
        problem = _problem(key, value)
        if problem:
            raise SettingsError(f"{path}: {key}: {problem}")
    return Settings(path, tree)


def _problem(key: str, value: object) -> str:
    types = _TYPES.get(key)
    if types is None:
        return f"no such setting{did_you_mean(key, _TYPES)}"
    if type(value) not in types:
        return f"must be {_WORDS.get(types[0], 'a table')}"
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return f"must be {_WORDS[list]}"
    if key == "output" and value not in OUTPUT_FORMATS:
        return f"must be one of {', '.join(OUTPUT_FORMATS)}"
    if key == "timeout" and not 0 < float(str(value)) < 86400:
        return "must be more than 0 and less than 86400"
    if key == "store_checks" and not 0 < int(str(value)) < 10**9:
        return "must be more than 0 and less than 1000000000"
    return ""
