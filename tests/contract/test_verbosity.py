"""-v, before a command's name and behind it: one step each, for commands and for services."""

import logging

import click
import pytest

from vmfit_contract.command_line.commands import Command, LazyGroup, say_as_service


@pytest.fixture
def levels(monkeypatch):
    """Return what level a command logs at that is given words; the root logger's is put back."""
    root = logging.getLogger()
    before = root.level

    def run(words, *, service=False):
        @click.command("work", cls=Command)
        @click.pass_context
        def work(ctx):
            if service:
                say_as_service(ctx)
            return root.level

        group = LazyGroup("program", table={"work": "Works."}, package="none")
        monkeypatch.setattr(LazyGroup, "get_command", lambda *_: work)
        root.setLevel(logging.WARNING)
        return group.main(words.split(), standalone_mode=False)

    yield run
    root.setLevel(before)


@pytest.mark.parametrize(
    ("words", "command", "service"),
    [
        ("work", logging.WARNING, logging.INFO),
        ("work -v", logging.INFO, logging.DEBUG),
        ("-v work", logging.INFO, logging.DEBUG),
        ("work -vv", logging.DEBUG, logging.DEBUG),
        ("-v work -v", logging.DEBUG, logging.DEBUG),
        ("-vv work -vvv", logging.DEBUG, logging.DEBUG),
    ],
)
def test_levels(levels, words, command, service):
    for _ in range(2):  # one run leaves nothing to the next
        assert levels(words) == command
        assert levels(words, service=True) == service
