"""Secrets among the parameters that a boot loader gives to a kernel."""

import re

from vmfit_agent.redaction.free_text import redact_query, scrub
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

_WORD = re.compile(r'(?:"[^"]*(?:"|$)|[^\s"])+')


def redact_parameters(text: str) -> list[str]:
    """Return the parameters in order, with their quotes, the values of secrets blanked.

    Source: Documentation/admin-guide/kernel-parameters.rst; dracut.cmdline(7); systemd(1),
    systemd.set_credential=.
    """
    return [_redacted(word) for word in _WORD.findall(text)]


def _redacted(word: str) -> str:
    name, equals, value = word.partition("=")
    if not equals:
        return scrub(word)
    if is_secret_name(name.strip('"'), bare_key=True):
        return f"{name}={BLANK}"
    # A source of cloud-init, a share or a URL has parameters of its own.
    return scrub(f"{name}={redact_query(value)}" if "?" in value else word)
