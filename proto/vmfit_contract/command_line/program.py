"""A program from its arguments to its exit status; whatever goes wrong is one line."""

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from vmfit_contract.command_line.exit_status import (
    ASKED_WRONGLY,
    BROKEN_PIPE,
    NO_ANSWER,
    YES,
    status_of,
)
from vmfit_contract.printable import PrintableFormatter, printable

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A command line: `clean` is given every text that may hold a secret, before it is shown."""

    name: str
    group: click.Group
    clean: Callable[[str], str] = str

    def run(self, arguments: Sequence[str]) -> int:
        """Return the exit status, BROKEN_PIPE when who read the output went away.

        A failure is one line on standard error, and never a traceback but with -vv.
        """
        try:
            with _same_log():
                return self._run(list(arguments))
        except BrokenPipeError:
            self._drop_output()
            return BROKEN_PIPE

    def main(self) -> NoReturn:
        """Run what was typed, and end the process."""
        # As an exception an interrupt can come up in a finalizer, which swallows it. Who started
        # the command in a loop is to see that it was interrupted, too.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # What the locale cannot write is escaped.
            sys.stdout.reconfigure(errors="backslashreplace")
        self._log_to_stderr()
        _end(self.run(sys.argv[1:]))

    def _log_to_stderr(self) -> None:
        """Have what is logged shown as errors are."""
        handler = logging.StreamHandler()
        handler.setFormatter(ToldFormatter(self.name, self.clean))
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(logging.WARNING)

    def _run(self, arguments: list[str]) -> int:
        try:
            if self._is_asked_by_shell():
                return YES
            # Not `main`, which ends a program whose reader went away with status 1.
            with self.group.make_context(self.name, arguments) as context:
                status: Any = self.group.invoke(context)
            sys.stdout.flush()
        except click.exceptions.Exit as end:
            sys.stdout.flush()
            return end.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return status_of(error)
        except click.ClickException as error:
            self.tell(f"error: {_told(error)}")
            return status_of(error)
        except (click.Abort, KeyboardInterrupt, EOFError):
            self.tell("error: interrupted")
            return NO_ANSWER
        except BrokenPipeError:
            raise
        except OSError as error:
            return self._no_output(error)
        except Exception as error:  # noqa: BLE001 -- the boundary: people see no traceback
            _LOG.debug("internal error", exc_info=True)
            self.tell(f"error: internal error: {type(error).__name__}: {error}")
            return NO_ANSWER
        return int(status or YES)

    def tell(self, text: str) -> None:
        """Show one line on standard error. Hosts, files and servers have their say in it."""
        line = " ".join(printable(self.clean(text)).split())
        click.echo(f"{self.name}: {line}", err=True)

    def _is_asked_by_shell(self) -> bool:
        """Answer a shell that asks which words may come next; return whether one does."""
        if not any(each.endswith("_COMPLETE") for each in os.environ):
            return False
        from vmfit_contract.command_line.completion import answer_shell  # noqa: PLC0415 -- seldom

        return answer_shell(self.group, self.name)

    def _no_output(self, error: OSError) -> int:
        if error.filename is not None:
            self.tell(f"error: {error.filename}: {error.strerror or error}")
            return ASKED_WRONGLY
        # Files are read where their names are known: what is left is the output.
        self._drop_output()
        self.tell(f"error: cannot write the answer: {error.strerror or error}")
        return NO_ANSWER

    def _drop_output(self) -> None:
        """Send what is still to be written to nowhere, lest the exit fails on it again."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError as error:
                if error.errno == errno.EPIPE or stream is sys.stdout:
                    os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def _same_log() -> Iterator[None]:
    """Leave the log as it was: commands choose what is told, and how, for themselves alone."""
    root = logging.getLogger()
    level, handlers = root.level, [(each, each.formatter) for each in root.handlers]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = [each for each, _ in handlers]
        for each, formatter in handlers:
            each.setFormatter(formatter)


class ToldFormatter(PrintableFormatter):
    """What a person gets to see of a log record, as `Program.tell` shows errors."""

    def __init__(self, name: str, clean: Callable[[str], str]) -> None:
        super().__init__(f"{name}: %(told)s: %(message)s", clean)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """Return the record's line."""
        record.told = record.levelname.lower()
        return super().formatMessage(record)


def _told(error: click.ClickException) -> str:
    """Return what is wrong; of a value as of all else, the option first."""
    told = error.format_message()
    if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        param = error.param
        if isinstance(param, click.Argument):
            told = f"{param.metavar or (param.name or '').upper()}: {error.message}"
        elif param is not None:
            told = f"{max(param.opts, key=len)}: {error.message}"
    return told.removesuffix(".")


def _end(status: int) -> NoReturn:
    """End the process, without waiting for threads: by SIGPIPE if that is what the status says.

    A shell, and who started the program, are to see what they see of any other program.
    """
    if status == BROKEN_PIPE:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
