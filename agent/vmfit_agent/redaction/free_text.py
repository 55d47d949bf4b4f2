"""Secrets in texts of no format of their own: messages, values, lines of files."""

import re

from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

PRIVATE_KEY = "PRIVATE KEY-----"
"""In the first line of every private key in PEM form."""

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
# "scheme://user:password@host" (RFC 3986, 3.2.1), and dracut's "iscsi:user:password@host".
_LOGIN = re.compile(
    r"(//)[^/\s\"'<>?#:]{0,512}:[^/\s\"'<>?#]{0,512}@"
    r"|\b(iscsi:)[^\s\"'<>:]{1,512}:[^\s\"'<>]{0,512}@"
)
# Whole names: what a long word does not end in is not looked for within it.
_NAME = re.compile(r"(?<![\w.-])(?>[\w.-]+)[\"'\]]{0,2}[ \t]*([=:])[ \t]*")
_VALUE = re.compile(
    r"\*\*\*(?=[&;#,\s\"'}\]]|$)|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"?|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?|[^\s]+"
)
# Headers of HTTP, whose values have blanks.
_HEADER = re.compile(
    r"\b((?:set-)?cookie|(?:proxy-)?authorization)\b([ \t]*[:=][ \t]*)[^\s\"'].*", re.IGNORECASE
)
_QUERY = re.compile(r"([?&;])([^=&;?#\s\"']+)=([^&;#\s\"']*)")


def scrub(text: str) -> str:
    """Return the text with logins, private keys and what is named for a secret blanked.

    A quoted value ends at its closing quote or with its line, any other at the next blank. What is
    blanked already stays as it is.
    """
    if PRIVATE_KEY in text:
        text = _KEY_BLOCK.sub(BLANK, text)
    if "//" in text or "iscsi:" in text:
        text = without_logins(text)
    if "=" not in text and ":" not in text:
        return text
    return _without_named(_HEADER.sub(rf"\1\2{BLANK}", text))


def _without_named(text: str) -> str:
    pieces: list[str] = []
    kept = position = 0
    while (match := _NAME.search(text, position)) is not None:
        position = match.end()
        if not is_secret_name(match[0][:256], bare_key=match[1] == "="):
            continue
        value = _VALUE.match(text, position)
        if value is not None:
            pieces += text[kept:position], BLANK
            kept = position = value.end()
    return "".join((*pieces, text[kept:])) if pieces else text


def without_logins(text: str) -> str:
    """Return the text with user and password before the host of each URL blanked."""
    return _LOGIN.sub(lambda match: f"{match[1] or match[2]}{BLANK}@", text)


def redact_place(place: str) -> str:
    """Return a URL, or what QEMU takes for one, without its secrets; a path stays as it is."""
    if place.startswith("/") and not place.startswith("//"):
        return place
    return scrub(redact_query(place)) if "?" in place else scrub(place)


def redact_query(text: str) -> str:
    """Return a URL or its part after "?", the values of parameters that are secrets blanked.

    Signed links of object stores are secrets by their signature.
    """

    def blank(match: re.Match[str]) -> str:
        secret = is_secret_name(match[2], bare_key=True)
        return f"{match[1]}{match[2]}={BLANK if secret else match[3]}"

    redacted = _QUERY.sub(blank, text if "?" in text else f"?{text}")
    return redacted if "?" in text else redacted[1:]
