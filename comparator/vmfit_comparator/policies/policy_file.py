"""Policies as YAML files have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.yaml_message import (
    MAX_DOCUMENT_CHARACTERS,
    DocumentError,
    fill,
    parse_document,
)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy with where it is written."""

    policy: Policy
    path: Path
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each field, by its path in the policy; the first line is 1."""

    def located(self, error: PolicyError) -> PolicyError:
        """Return the error with the file's name, and the line of what is wrong."""
        at = error.field
        while at and at not in self.lines:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        line = f":{self.lines[at]}" if at else ""
        return PolicyError(f"{self.path}{line}", str(error), is_passing=error.is_passing)


def read_policy_file(path: Path) -> PolicyFile:
    """Read a policy file as it is written; `resolve_policy` checks and completes it.

    A file that has no name is called by the path's stem. Raises PolicyError that starts with the
    file's path, and its line where that is known.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_DOCUMENT_CHARACTERS + 1)
    except OSError as error:
        raise PolicyError(str(path), error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise PolicyError(str(path), "not UTF-8") from None
    policy = Policy()
    lines: Mapping[str, int] = {}
    try:
        document = parse_document(text)
        lines = document.lines
        fill(policy, document.tree)
    except DocumentError as error:
        wrong = PolicyError(error.field, error.reason)
        raise PolicyFile(policy, path, lines).located(wrong) from None
    policy.name = policy.name or path.stem
    return PolicyFile(policy, path, lines)


def read_policy(path: Path) -> Policy:
    """Return the policy of a file, as `read_policy_file` does."""
    return read_policy_file(path).policy


def parse_policy(text: str) -> Policy:
    """Return the policy that a YAML document describes. Raises PolicyError."""
    policy = Policy()
    try:
        fill(policy, parse_document(text).tree)
    except DocumentError as error:
        raise PolicyError(error.field, error.reason) from None
    return policy
