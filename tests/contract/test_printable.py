"""What a host says cannot command a terminal."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit.v1.host_pb2 import Identity
from vmfit_contract.json_text import to_json
from vmfit_contract.printable import PrintableFormatter, printable, printable_lines

COMMANDS = ["\x1b[31m", "\x9b31m", "\a", "\b", "\0", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff"]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_replaced(command):
    shown = printable(f"a{command}b\r\n\tc")
    assert shown.isprintable()
    assert shown.startswith("a\N{REPLACEMENT CHARACTER}")
    assert shown.endswith("b   c")
    assert printable_lines(f"a{command}\nb") == f"{printable('a' + command)}\nb"


def test_texts_of_all_languages_stay():
    text = "Zürich, 東京, שלום, naïve — 5 µs"
    assert printable(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_is_printable_and_means_the_same(text):
    written = to_json(Identity(hostname=text))
    assert all(line.isprintable() for line in written.split("\n"))
    assert json.loads(written)["hostname"] == text


def test_a_log_record_is_one_line_and_its_traceback_some():
    formatter = PrintableFormatter("%(levelname)s: %(message)s", lambda text: text.upper())
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "a\x1b[2J\nb", (), None)
    assert formatter.format(record) == "ERROR: A\N{REPLACEMENT CHARACTER}[2J B"
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int("\x1b]0;title\a")
    record.exc_info = (raised.type, raised.value, raised.tb)
    lines = formatter.format(record).split("\n")
    assert len(lines) > 2
    assert all(line.isprintable() for line in lines)
