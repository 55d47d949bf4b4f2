"""Expressions of policies, compiled and evaluated where that may be costly."""

import atexit
from contextlib import suppress

from tests.comparator.builders import destination_snapshot, source_snapshot
from vmfit.v1.finding_pb2 import Finding, Verdict
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.cel.scope import CONDITION, MIGRATION
from vmfit_comparator.policies.expressions import Expressions, Written
from vmfit_comparator.policies.policy_error import PolicyError

_INTERPRETER = Interpreter()
atexit.register(_INTERPRETER.close)
_VALUES = {
    MIGRATION: {
        "source": source_snapshot(),
        "destination": destination_snapshot(),
        "vm": Vm(name="a"),
        "incoming": Vm(name="a"),
        "options": MigrationOptions(),
    },
    CONDITION: {"findings": [Finding(fact="cpu.features")], "verdict": Verdict()},
}
_GIVES = ("BOOL", "STRING", "INT")


def seeds():
    for text in (
        "source.identity.hostname == destination.identity.hostname",
        "vm.memory.size_bytes > 1024 * 1024 ? YES : NO",
        'source.mounts.entries.exists(m, m.type in ["nfs", "nfs4"])',
        "[1, 2].map(x, x * 2).filter(y, y > 2).size() == 1",
        "['ab'+'ab'].all(a, [a+a].all(b, [b+b].all(c, true)))",
        'has(source.cpu.model) && source.cpu.model.matches("^x+$")',
    ):
        yield b"\0" + text.encode()
    for text in (
        'findings["cpu.features"].answer >= PROBABLY_YES',
        "findings.exists(f, findings[f].answer == NO) || verdict.probability < 0.5",
    ):
        yield b"\1" + text.encode()


def read(data):
    scope = CONDITION if data[:1] == b"\1" else MIGRATION
    text = data[1:4096].decode("utf-8", "replace")
    with suppress(PolicyError):
        expressions = Expressions(scope, [Written("expression", text, _GIVES)], _INTERPRETER)
        expressions.evaluate(_VALUES[scope])
