"""The process that compiles and evaluates CEL for a comparator; the comparator starts it.

It reads requests on standard input and answers there, too, until that is closed. It opens nothing,
and what it may take of memory and of the processor is bounded: an expression that takes more costs
this process alone. A request is a JSON header followed by the messages that are the variables'
values; it is answered by one frame per expression, in order, so that the comparator knows which
expression the process ended with.
"""

import json
import os
import re
import resource
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pool

from vmfit_comparator.policies.cel.errors import ExpressionError
from vmfit_comparator.policies.cel.frames import packed, read_frame
from vmfit_comparator.policies.cel.scope import ANSWERS, SCOPES, Scope

MEMORY_BYTES = 256 * 1024 * 1024
"""What the process may take beyond what it has at its start."""
CPU_SECONDS = 0.5
"""What one expression may take of the processor."""
OUT_OF_MEMORY = 3
"""The process's status when it ends for want of memory."""

_MAX_TEXT_CHARACTERS = 300
_MAX_KEPT = 256
# The kernel ends what takes most when a host is out of memory: this rather than the comparator.
_OOM_SCORE = b"800"


def main() -> None:
    """Answer until the comparator closes the connection, or an expression takes too much."""
    connection = os.dup(0)
    # Whatever libraries print goes nowhere near the answers.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    _limit()
    try:
        _write(connection, packed([b"ready"]))
        while True:
            for answer in _answers(read_frame(lambda count: _read(connection, count))):
                _write(connection, packed([answer.encode(errors="replace")]))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        sys.exit(0)


def _answers(frame: Sequence[bytes]) -> Iterator[str]:
    """Yield one JSON object per expression: what it gives, or the error."""
    _allow_cpu_time()
    header = json.loads(frame[0])
    scope: Scope = SCOPES[header["scope"]]
    work: Callable[[str], bool | str | int]
    if header["work"] == "compile":
        work = _Types(scope)
    else:
        work = _Evaluation(scope, header["variables"], frame[1:])
    for text in header["texts"]:
        _allow_cpu_time()
        try:
            yield json.dumps({"gives": work(text)})
        except (RuntimeError, ExpressionError) as error:
            yield json.dumps({"error": _reason(error)})
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 -- the boundary: the comparator tells of a bug
            yield json.dumps({"error": f"internal error: {type(error).__name__}: {error}"})


class _Types:
    """Compiles: gives the name of each expression's type."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, text: str) -> str:
        return _compiled(self._scope, text)[1]


class _Evaluation:
    """Evaluates with one set of values, which CEL converts once."""

    def __init__(self, scope: Scope, names: Sequence[str], contents: Sequence[bytes]) -> None:
        values = _values(scope, names, contents)
        self._scope = scope
        self._activation = _environment(scope).Activation({**values, **ANSWERS})

    def __call__(self, text: str) -> bool | str | int:
        value = _compiled(self._scope, text)[0].eval(activation=self._activation)
        result = value.plain_value()
        if value.type().name() in ("ERROR", "UNKNOWN"):
            raise ExpressionError(str(result))
        if isinstance(result, bool | int):
            return result
        if not isinstance(result, str):
            raise ExpressionError(f"gives a {type(result).__name__}")
        if len(result) > _MAX_TEXT_CHARACTERS:
            raise ExpressionError(f"gives a text of {len(result)} characters")
        return result


def _values(scope: Scope, names: Sequence[str], contents: Sequence[bytes]) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    if scope.by_fact:
        values[scope.by_fact] = {}
    for name, content in zip(names, contents, strict=True):
        message: Any = scope.variables[name].FromString(content)
        if name == scope.by_fact:
            values[name][message.fact] = message
        else:
            values[name] = message
    return values


_kept: OrderedDict[tuple[str, str], tuple[Any, str]] = OrderedDict()


def _compiled(scope: Scope, text: str) -> tuple[Any, str]:
    """Return a compiled expression and the name of its type; the latest ones are kept."""
    found = _kept.get((scope.name, text))
    if found is None:
        expression = _environment(scope).compile(text)
        found = _kept[scope.name, text] = expression, str(expression.return_type().name())
    _kept.move_to_end((scope.name, text))
    if len(_kept) > _MAX_KEPT:
        _kept.popitem(last=False)
    return found


@cache
def _environment(scope: Scope) -> Any:  # noqa: ANN401 -- CEL's own
    variables = {name: cel.Type(scope.type_of(name)) for name in scope.variables}
    variables |= dict.fromkeys(ANSWERS, cel.Type.INT)
    return cel.NewEnv(descriptor_pool.Default(), variables=variables, container="vmfit.v1")


def _reason(error: Exception) -> str:
    """Return the first complaint; CEL adds a status, its place and a drawing of it."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else "failed"
    line = re.sub(r"^[A-Z_]+: (ERROR: <input>:)?", lambda match: "at " if match[1] else "", line)
    return re.sub(r" \[[A-Z_]+\]$", "", line)[:_MAX_TEXT_CHARACTERS]


def _limit() -> None:
    found = re.search(r"^VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    taken = int(found[1]) * 1024 if found else 0
    for kind, most in (
        (resource.RLIMIT_AS, taken + MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))
    with suppress(OSError), Path("/proc/self/oom_score_adj").open("wb", buffering=0) as file:
        file.write(_OOM_SCORE)


def _allow_cpu_time() -> None:
    # The signal that comes when it is over ends the process.
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def _read(connection: int, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        part = os.read(connection, min(count - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def _write(connection: int, content: bytes) -> None:
    sent = 0
    while sent < len(content):
        sent += os.write(connection, content[sent:])


if __name__ == "__main__":
    main()
