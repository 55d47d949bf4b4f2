"""Tables on a terminal and in a pipe."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import Answer, Finding, Quality, Remedy
from vmfit_comparator.render.findings import Detail, show_check
from vmfit_comparator.render.terminal import Terminal, column_widths, printable

LONG = "the destination has no bridge br0, and nothing else of that name either; " * 3


def finding(fact, answer, *, quality="NATIVE", **fields):
    return Finding(
        fact=fact,
        answer=Answer.Value(f"ANSWER_{answer}"),
        quality=Quality.Value(f"QUALITY_{quality}"),
        **fields,
    )


def response(*findings):
    answer = CheckResponse(findings=findings)
    answer.verdict.answer = min(each.answer for each in findings)
    answer.verdict.blockers.append("net.bridge")
    answer.subject.vm_name = "web\x1b[2J"
    answer.subject.source_host, answer.subject.destination_host = "a", "b"
    return answer


CASE = response(
    finding("cpu.vendor", "YES", reason="both Intel"),
    finding("hv.arch", "YES", quality="EMULATED", reason="by emulation"),
    finding("time.skew", "NO_IDEA", reason="not measured"),
    finding(
        "net.bridge",
        "NO",
        reason=LONG,
        remedies=[Remedy(summary="Create bridge br0", command="ip link add br0 type bridge")] * 2,
    ),
    finding("tpm.state", "YES", not_applicable=True, reason="no TPM"),
)


def shown(capsys, terminal, detail=None):
    show_check(CASE, detail or Detail())(terminal)
    return capsys.readouterr().out


def test_a_pipe_gets_everything_in_plain_words(capsys):
    lines = shown(capsys, Terminal()).splitlines()
    assert lines[0] == "NO, not acceptable: web\N{REPLACEMENT CHARACTER}[2J, a -> b"
    rows = [line.split()[:2] for line in lines[3:]]
    assert rows[0] == ["NO", "net.bridge"]
    assert lines[3].endswith(LONG.rstrip())
    assert lines[4:6] == ["    remedy: Create bridge br0", "      $ ip link add br0 type bridge"]
    assert rows[3] == ["NO_IDEA", "time.skew"]
    assert lines[7].startswith("YES (emulated)  hv.arch ")
    assert "1 say yes, 1 do not apply (--all shows them)" in lines


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_terminal_gets_lines_that_fit(capsys, width):
    text = shown(capsys, Terminal(width=width, symbols=True))
    assert max(map(len, text.splitlines())) <= width
    assert (
        LONG.split() == [word for word in text.split() if word in LONG.split()][: len(LONG.split())]
    )
    assert "✘ NO" in text


def test_colours_only_where_they_are(capsys):
    plain = shown(capsys, Terminal(width=80))
    coloured = shown(capsys, Terminal(width=80, colours=True))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain


def test_all_shows_all(capsys):
    text = shown(capsys, Terminal(), Detail(show_all=True))
    assert "cpu.vendor" in text
    assert "n/a" in text
    assert "--all" not in text


def test_standard_output_decides(monkeypatch, capsys):
    assert Terminal.of_stdout() == Terminal()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Terminal.of_stdout().width == 100
    assert Terminal.of_stdout().colours
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Terminal.of_stdout().colours
    assert Terminal.of_stdout().symbols
    monkeypatch.setenv("TERM", "dumb")
    assert not Terminal.of_stdout().symbols


@given(st.text())
def test_nothing_steers_the_terminal(text):
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=60)), min_size=1))
def test_rows_fit(rows):
    widths = column_widths(rows)
    terminal = Terminal(width=60)
    for row in rows:
        assert max(map(len, terminal.wrapped(row[1], 4, 6))) <= 60
    assert widths == [max(len(row[0]) for row in rows)]
