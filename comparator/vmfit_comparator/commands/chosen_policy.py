"""The policy that a command names: by its name, or by the file that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmfit.v1.comparator_service_pb2 import PolicyReference
from vmfit_comparator.commands.references import is_file
from vmfit_contract.command_line.exit_status import AskedWronglyError

# Few commands need YAML.
if TYPE_CHECKING:
    from vmfit_comparator.policies.policy_file import PolicyFile

_SUFFIXES = (".yaml", ".yml")
_OPTION = "--policy: "


class ChosenPolicy:
    """A policy as it is typed: nothing, a name, or a path with ".yaml", ".yml" or "/"."""

    def __init__(self, text: str | None) -> None:
        """Read the file, if it is one. Raises AskedWronglyError that names it."""
        self._name = text or ""
        path = Path(self._name)
        is_path = self._name.endswith(_SUFFIXES) or "/" in self._name or is_file(path)
        self._file = _read(path) if is_path else None

    @property
    def reference(self) -> PolicyReference:
        """What a request has."""
        if self._file is not None:
            return PolicyReference(inline=self._file.policy)
        return PolicyReference(name=self._name) if self._name else PolicyReference()

    @contextmanager
    def located_errors(self) -> Iterator[None]:
        """Have errors about the policy name its file and line."""
        try:
            yield
        except click.ClickException as error:
            if self._file is None or not error.message.startswith(_OPTION):
                raise
            from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415

            field, _, reason = error.message.removeprefix(_OPTION).partition(": ")
            located = self._file.located(PolicyError(field, reason))
            raise type(error)(f"{_OPTION}{located}") from None


def _read(path: Path) -> "PolicyFile":
    from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415
    from vmfit_comparator.policies.policy_file import read_policy_file  # noqa: PLC0415

    try:
        return read_policy_file(path)
    except PolicyError as error:
        raise AskedWronglyError(f"{_OPTION}{error}") from None
