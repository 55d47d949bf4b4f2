"""Secrets among the options and sources of mounts."""

import re

from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

# Of some programs for FUSE the user's name and password are one option: "user=joe:secret".
_LOGINS = frozenset(("user", "username", "login"))
# "https://user:password@host/", as WebDAV and FTP file systems show their source.
_URL_PASSWORD = re.compile(r"(//[^/@:]*):[^/]*@")


def is_secret_option(option: str) -> bool:
    """Return whether a `name=value` option gives a secret, or the file that holds it."""
    name, equals, value = option.partition("=")
    if not equals:
        return False
    if name.lower() in _LOGINS:
        return ":" in value or "%" in value
    return is_secret_name(name, bare_key=True)


def redact_options(text: str) -> str:
    """Return options joined by commas, the values of secret ones blanked."""
    return ",".join(
        f"{option.partition('=')[0]}={BLANK}" if is_secret_option(option) else option
        for option in split_options(text)
    )


def split_options(text: str) -> list[str]:
    """Return the options of "a,b=c"; a comma within a secret is written twice, as CIFS does."""
    options: list[str] = []
    words = iter(text.split(","))
    for word in words:
        if not word and options and is_secret_option(options[-1]):
            next(words, None)
        else:
            options.append(word)
    return options


def redact_source(source: str) -> str:
    """Return what is mounted without a password in its URL; the user tells exports apart."""
    return _URL_PASSWORD.sub(r"\1@", source)
