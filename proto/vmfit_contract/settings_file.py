"""Settings files: TOML whose keys a program declares, checked as a whole before it is used."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmfit_contract.address import AddressError, parse_address
from vmfit_contract.roles_table import RolesTable, parse_roles
from vmfit_contract.spelling import did_you_mean

Check = Callable[[object], str]
"""Returns what must be different about a value; "" for nothing."""


class SettingsError(ValueError):
    """A settings file that cannot be used; one line that names the file and the key."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says."""

    path: Path | None = None
    """None when there is no file."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """By key, in the file's order, each of its declared type."""

    @property
    def roles(self) -> RolesTable:
        """The `[roles]` table; empty when there is none."""
        return parse_roles(self.values.get("roles", {}))


def read_settings_file(
    path: Path | None, default: Path, checks: Mapping[str, Check], max_bytes: int
) -> Settings:
    """Read and check a settings file; without `path` the default one, which may be missing.

    Raises SettingsError.
    """
    chosen = path or default
    try:
        with chosen.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        if path is None:
            return Settings()
        raise SettingsError(f"{chosen}: cannot be read: {error.strerror}") from None
    except OSError as error:
        raise SettingsError(f"{chosen}: cannot be read: {error.strerror}") from None
    return Settings(chosen, parse_settings(content, str(chosen), checks, max_bytes))


def parse_settings(
    content: bytes, name: str, checks: Mapping[str, Check], max_bytes: int
) -> dict[str, Any]:
    """Return the values of a file's content; `name` is what errors call it."""
    if len(content) > max_bytes:
        raise SettingsError(f"{name}: larger than {max_bytes} bytes")
    import tomllib  # noqa: PLC0415 -- many hosts have no such file

    try:
        tree = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(f"{name}: not TOML: {reason}") from None
    for key, value in tree.items():
        check = checks.get(key)
        if check is None:
            hint = did_you_mean(key, checks) or f"; there are {', '.join(sorted(checks))}"
            raise SettingsError(f"{name}: {key[:100]}: no such setting{hint}")
        problem = check(value)
        if problem:
            raise SettingsError(f"{name}: {key}: {problem}")
    return tree


def text(value: object) -> str:
    """Check a text."""
    return "" if type(value) is str else "must be a text"


def flag(value: object) -> str:
    """Check a truth value."""
    return "" if type(value) is bool else "must be true or false"


def texts(value: object) -> str:
    """Check a list of texts; it may be empty."""
    is_right = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "" if is_right else "must be a list of texts"


def table(value: object) -> str:
    """Check a table, whatever is in it."""
    return "" if isinstance(value, dict) else "must be a table"


def roles(value: object) -> str:
    """Check the table of roles."""
    try:
        parse_roles(value)
    except ValueError as error:
        return str(error)
    return ""


def number(low: float, high: float, *, whole: bool = False) -> Check:
    """Return a check of a number above `low` and below `high`."""

    def check(value: object) -> str:
        kinds = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return "must be a whole number" if whole else "must be a number"
        # Also what is no number at all, NaN, is not between the bounds.
        return "" if low < value < high else f"must be more than {low} and less than {high}"

    return check


def one_of(choices: Collection[str]) -> Check:
    """Return a check of one text of several."""

    def check(value: object) -> str:
        return "" if value in choices else f"must be one of {', '.join(choices)}"

    return check


def address(default_port: int) -> Check:
    """Return a check of an address; a missing port is the default one."""

    def check(value: object) -> str:
        problem = text(value)
        if problem:
            return problem
        try:
            parse_address(str(value), default_port)
        except AddressError as error:
            return str(error)
        return ""

    return check
