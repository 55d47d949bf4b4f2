"""The `[roles]` table of a settings file: which certificates have which role.

[roles]
probe = ["dns:vmfit.example"]
administer = ["email:*@admins.example", "uri:urn:example:console"]

A pattern is a name in a certificate with its kind before it; "*" stands for any characters, and
for every certificate where it stands by itself.
"""

from collections.abc import Mapping

from vmfit_contract.access import Role
from vmfit_contract.spelling import did_you_mean

RolesTable = Mapping[Role, tuple[str, ...]]
"""Patterns by role, in the file's order; a role without patterns may be missing."""

_KINDS = ("dns:", "ip:", "email:", "uri:")
_MAX_PATTERNS = 10_000
_MAX_CHARACTERS = 256


def parse_roles(tree: object) -> RolesTable:
    """Return the table that the value of `roles` describes.

    Raises ValueError, whose message begins with the role: "probe[1]: ...".
    """
    if not isinstance(tree, Mapping):
        raise ValueError("must be a table")  # noqa: TRY004 -- of a file, not of a caller
    return {_role(name): _patterns(name, each) for name, each in tree.items()}


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        hint = did_you_mean(name, Role) or f"; there are {', '.join(Role)}"
        raise ValueError(f"{name[:100]}: no such role{hint}") from None


def _patterns(role: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_PATTERNS:
        raise ValueError(f"{role}: must be a list of at most {_MAX_PATTERNS} names")
    for index, each in enumerate(value):
        problem = _problem(each)
        if problem:
            raise ValueError(f"{role}[{index}]: {problem}")
    return tuple(value)


def _problem(pattern: object) -> str:
    if not isinstance(pattern, str):
        return "must be a text"
    if len(pattern) > _MAX_CHARACTERS:
        return f"longer than {_MAX_CHARACTERS} characters"
    if pattern == "*":
        return ""
    kind = next((each for each in _KINDS if pattern.startswith(each)), None)
    if kind is None:
        return f"{pattern!r} must begin with {', '.join(_KINDS)}"
    return "" if pattern.isprintable() and pattern != kind else f"{pattern!r} names nobody"
