"""Secrets in JSON that others wrote."""

from collections.abc import Callable

from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
# Lists of pairs, as environments of containers are written.
_NAMES = ("name", "key", "Name", "Key")
_VALUES = ("value", "Value")


def _never(_name: str) -> bool:
    return False


def redact_tree(value: Json, is_reference: Callable[[str], bool] = _never) -> Json:
    """Return the value with each member that is named for a secret blanked, and secrets in texts.

    Booleans and null stay: they only say whether there is a secret. So do members of whose name
    `is_reference` says that they name a secret, and are none.
    """
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [redact_tree(each, is_reference) for each in value]
    if not isinstance(value, dict):
        return value
    named = next((value[name] for name in _NAMES if name in value), None)
    is_pair = isinstance(named, str) and is_secret_name(named)
    redacted: dict[str, Json] = {}
    for name, member in value.items():
        secret = (is_secret_name(name) and not is_reference(name)) or (is_pair and name in _VALUES)
        if secret and not (member is None or isinstance(member, bool)):
            redacted[name] = BLANK
        else:
            redacted[name] = redact_tree(member, is_reference)
    return redacted
