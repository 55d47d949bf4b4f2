"""A request's fields, as the command line calls them."""

import re

_NAMES = {
    "source": "--from",
    "destination": "--to",
    "destinations": "--to",
    "destination_names": "--to",
    "vm": "VM",
    "vm.xml": "--xml",
    "vm.description": "--vm",
    "policy": "--policy",
    "facts": "--fact",
    "parts": "--part",
    "left": "HOST",
    "right": "HOST",
    "hosts": "HOST",
    "host": "HOST",
    "since": "--since",
    "until": "--until",
}
_FIELD = re.compile(
    r"(?:check\.)?"
    r"(?P<root>source|destinations?|destination_names|vm|policy|facts|parts|left|right|hosts?"
    r"|since|until)(?:\[\d+\])?"
    r"(?:\.(?P<kind>name_or_uuid|name|address|snapshot|inline|xml|description))?"
    r"(?:\.(?P<below>[^ ]+))?: "
)


def on_the_command_line(error: str) -> str:
    """Return an error whose first words are a field of the request with the option's name instead.

    "facts[0]: no such fact" becomes "--fact: no such fact"; other errors stay as they are.
    """
    found = _FIELD.match(error)
    if found is None:
        return error
    root, kind, below = found.group("root", "kind", "below")
    option = _NAMES.get(f"{root}.{kind}", _NAMES[root])
    return f"{option}: {f'{below}: ' if below else ''}{error[found.end() :]}"
