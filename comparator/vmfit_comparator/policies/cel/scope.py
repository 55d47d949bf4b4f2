"""The variables that expressions may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.message import Message

from vmfit.v1.finding_pb2 import Answer, Finding, Verdict
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm

ANSWERS = {name.removeprefix("ANSWER_"): number for name, number in Answer.items() if number}
"""The answers by name: they compare in order, findings["cpu.features"].answer >= PROBABLY_YES."""


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Variables with the types of their messages; each answer's name is one, too."""

    name: str
    variables: Mapping[str, type[Message]]
    by_fact: str = ""
    """The variable that is a map of its messages, by the fact that each is about; may be empty."""

    def type_of(self, variable: str) -> str:
        """Return the CEL type of a variable."""
        name: str = self.variables[variable].DESCRIPTOR.full_name
        return f"map<string, {name}>" if variable == self.by_fact else name


MIGRATION = Scope(
    "migration",
    MappingProxyType(
        {
            "source": Snapshot,
            "destination": Snapshot,
            "vm": Vm,
            "incoming": Vm,
            "options": MigrationOptions,
        }
    ),
)
"""What facts see."""

CONDITION = Scope(
    "condition", MappingProxyType({"findings": Finding, "verdict": Verdict}), by_fact="findings"
)
"""What conditions see: the findings by fact id, and the verdict so far."""

SCOPES = {each.name: each for each in (MIGRATION, CONDITION)}
