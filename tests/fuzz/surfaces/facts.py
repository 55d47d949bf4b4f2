"""Every fact over strange hosts and guests; what is printed of the answers is printable."""

import contextlib
import io
import zlib

import atheris
from rich.console import Console

from tests.comparator.builders import migration
from tests.fuzz.message_mutation import changed
from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit_comparator.differences.diff import diff
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.render.differences import show_diff
from vmfit_comparator.render.findings import Detail, show_check
from vmfit_comparator.render.terminal import Terminal

MEMORY_MB = 1000
_TERMINAL = Terminal(
    Console(width=100, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})
)


def seeds():
    for start in range(16):
        yield bytes((37 * start * step + step * step // 3) % 256 for step in range(1, 500))


def read(data):
    """Each message is changed by a piece of the bytes of its own."""
    case = migration()
    messages = (case.source, case.destination, case.vm, case.incoming, case.options)
    length = len(data) // len(messages)
    for index, message in enumerate(messages):
        changed(message, atheris.FuzzedDataProvider(data[index * length : (index + 1) * length]))
    findings = evaluate(BUILT_IN.values(), case)
    # Laying out the text takes much longer than all facts.
    if zlib.crc32(data) % 32 == 0:
        _print(case, findings)


def _print(case, findings):
    shown = [show_check(CheckResponse(findings=findings), Detail(show_all=True))]
    with contextlib.suppress(ValueError):
        shown.append(show_diff(diff(case.source, case.destination), with_volatile=False))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for show in shown:
            show(_TERMINAL)
    for line in printed.getvalue().split("\n"):
        assert line.isprintable(), repr(line)
