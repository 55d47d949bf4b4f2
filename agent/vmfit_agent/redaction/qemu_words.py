"""Secrets among the words of a QEMU command line."""

import json
import re
from collections.abc import Iterator, Sequence

from vmfit_agent.redaction.free_text import redact_query, scrub, without_logins
from vmfit_agent.redaction.json_tree import Json, redact_tree
from vmfit_agent.redaction.parameters import redact_parameters
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

# Settings are parted by a comma; one in a value is written twice.
_SETTING = re.compile(r"((?:[^,]|,,)+)(,?)")
# Of fw_cfg and SMBIOS tables: what the guest alone is to read.
_CONTENT = {"fw_cfg": ("string",), "smbios": ("value",), "acpitable": ("data",)}
# These name an object that holds the secret: "password-secret=sec0".
_REFERENCE = "secret"


def redact_words(words: Sequence[str]) -> list[str]:
    """Return the words in order, with what is secret in them blanked.

    That are data of secret objects, passwords, logins, cookies, and the contents of firmware
    settings; which of them there are stays. Source: QEMU's manual page; qapi/crypto.json.
    """
    return list(_redacted(words))


def _redacted(words: Sequence[str]) -> Iterator[str]:
    option = ""
    for word in words:
        if word.startswith("-"):
            option = word.lstrip("-")
            yield scrub(word)
        elif option == "append":
            yield " ".join(redact_parameters(word))
        elif word.startswith(("{", "json:")):
            yield _json(word)
        else:
            yield "".join(_settings(option, word))


def _json(word: str) -> str:
    prefix = "json:" if word.startswith("json:") else ""
    try:
        tree = json.loads(word.removeprefix(prefix))
        redacted = redact_tree(_without_data(tree), _is_reference)
    except (ValueError, RecursionError):
        return f"{prefix}{BLANK}"
    return word if redacted == tree else prefix + json.dumps(redacted)


def _without_data(tree: Json) -> Json:
    if isinstance(tree, dict) and str(tree.get("qom-type", "")).startswith("secret"):
        return {name: BLANK if name == "data" else value for name, value in tree.items()}
    return tree


def _settings(option: str, word: str) -> Iterator[str]:
    is_secret_object = option == "object" and re.match(r"(qom-type=)?secret", word) is not None
    for setting, comma in _SETTING.findall(word):
        name, equals, value = setting.partition("=")
        last = name.rpartition(".")[2]
        if not equals:
            yield _value(setting) + comma
        elif (
            (is_secret_object and last == "data")
            or last in _CONTENT.get(option, ())
            or (is_secret_name(last) and not _is_reference(last))
        ):
            yield f"{name}={BLANK}{comma}"
        else:
            yield f"{name}={_value(value)}{comma}"


def _is_reference(name: str) -> bool:
    return name == _REFERENCE or name.endswith(f"-{_REFERENCE}")


def _value(value: str) -> str:
    return redact_query(without_logins(value)) if "?" in value else without_logins(value)
