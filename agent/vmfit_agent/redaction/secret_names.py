"""Names of settings, options, attributes and keys that stand for a secret."""

import re

BLANK = "***"
"""What stands where a secret stood: that there is one is no secret."""

# Anywhere in a name, whatever is written around them: "vncPassword2", "migrate_token".
_STEMS = (
    "apikey", "cookie", "credential", "passcode", "passphrase", "passw", "privatekey", "secret",
    "sharekey", "token",
)  # fmt: skip
# As the last word of a name: "x509_pw", "rd.luks.key".
_LAST_WORDS = frozenset((
    "authorization", "bearer", "cred", "creds", "otp", "pass", "psk", "pw", "pwd", "sig",
    "signature",
))  # fmt: skip
# What a name ends in that tells where a secret lies, or of what kind it is, but not the secret.
_ABOUT = frozenset((
    "count", "dir", "directory", "enabled", "file", "length", "lifetime", "method", "mode", "path",
    "policy", "required", "size", "timeout", "type", "usage", "uuid",
))  # fmt: skip
# Before "key": what everybody may know, and what sorts or finds.
_OPEN_KEYS = frozenset(("foreign", "host", "primary", "public", "sort", "ssh"))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_secret_name(name: str, *, bare_key: bool = False) -> bool:
    """Return whether what this name is given to is a secret: "node.session.auth.password_in".

    A key is one where another word says of what ("api_key"), and by itself only with `bare_key`.
    """
    words = [word.lower() for word in _WORD.findall(name[:256])]
    if not words or words[-1] in _ABOUT:
        return False
    joined = "".join(words)
    if any(stem in joined for stem in _STEMS) or words[-1] in _LAST_WORDS:
        return True
    if words[-1] not in ("key", "keys"):
        return False
    return bare_key if len(words) == 1 else words[-2] not in _OPEN_KEYS
