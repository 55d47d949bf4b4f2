"""Tables on a terminal and in a pipe."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from vmfit.v1.comparator_service_pb2 import CheckResponse, Difference, DifferenceKind, DiffResponse
from vmfit.v1.finding_pb2 import Answer, Consequence, FactDescription, Finding, Quality, Remedy
from vmfit_comparator.render.differences import show_diff
from vmfit_comparator.render.findings import Detail, show_check
from vmfit_comparator.render.terminal import Terminal, column_widths, printable

LONG = "the destination has no bridge br0, and nothing else of that name either; " * 3


def terminal(width=80, *, colours=False):
    """Return a terminal of some width."""
    return Terminal(
        Console(
            width=width,
            force_terminal=True,
            color_system="standard" if colours else None,
            legacy_windows=False,
            _environ={"TERM": "xterm"},
        )
    )


def pipe():
    return Terminal.of_stdout()


def finding(fact, answer, *, quality="NATIVE", consequence="FAILS", **fields):
    return Finding(
        fact=fact,
        answer=Answer.Value(f"ANSWER_{answer}"),
        quality=Quality.Value(f"QUALITY_{quality}"),
        consequence=Consequence.Value(f"CONSEQUENCE_{consequence}"),
        **fields,
    )


def response(*findings, blockers=("net.bridge",)):
    answer = CheckResponse(findings=findings)
    answer.verdict.answer = min(
        each.answer for each in findings if each.consequence != Consequence.CONSEQUENCE_ADVISORY
    )
    answer.verdict.blockers.extend(blockers)
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


def shown(capsys, to, detail=None, case=CASE):
    show_check(case, detail or Detail())(to)
    return capsys.readouterr().out


def test_a_pipe_gets_everything_in_plain_words(capsys):
    lines = shown(capsys, pipe()).splitlines()
    assert lines[0] == "NO, not acceptable: web\N{REPLACEMENT CHARACTER}[2J, a -> b"
    rows = [line.split()[:2] for line in lines[3:]]
    assert rows[0] == ["NO", "net.bridge"]
    assert lines[3].endswith(LONG.rstrip())
    assert lines[4:6] == ["    remedy: Create bridge br0", "      $ ip link add br0 type bridge"]
    assert rows[3] == ["NO_IDEA", "time.skew"]
    assert lines[7].startswith("YES (emulated)  hv.arch ")
    assert "1 say yes, 1 do not apply (--all shows them)" in lines
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_terminal_gets_lines_that_fit(capsys, width):
    text = shown(capsys, terminal(width))
    assert max(map(cell_len, text.splitlines())) <= width
    words = [word for word in text.split() if word in LONG.split()]
    assert words[: len(LONG.split())] == LONG.split()
    assert "✘ NO" in text


def test_the_reason_is_never_squeezed(capsys):
    text = shown(capsys, terminal(60))
    row = next(line for line in text.splitlines() if "net.bridge" in line and "NO " in line)
    assert row.split() == ["✘", "NO", "net.bridge"]
    assert "\n    the destination has no bridge br0, and" in text


def test_colours_only_where_they_are(capsys):
    plain = shown(capsys, terminal())
    coloured = shown(capsys, terminal(colours=True))
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_all_shows_all(capsys):
    text = shown(capsys, pipe(), Detail(show_all=True))
    assert "cpu.vendor" in text
    assert "n/a" in text
    assert "--all" not in text


def test_advice_comes_apart_and_last(capsys):
    case = response(
        finding("cpu.vulnerabilities", "PROBABLY_NO", consequence="ADVISORY", reason="worse"),
        finding("net.mtu", "PROBABLY_YES", quality="REDUCED", reason="smaller"),
        finding("net.bridge", "NO_IDEA", consequence="ADVISORY", reason="the policy insists"),
    )
    lines = shown(capsys, pipe(), case=case).splitlines()
    order = [
        word for line in lines[2:] for word in line.split() if "." in word or word == "advice,"
    ]
    assert order == ["net.bridge", "net.mtu", "advice,", "cpu.vulnerabilities"]


def test_the_policy_can_make_advice_of_any_fact(capsys):
    case = response(finding("net.mtu", "NO", reason="x"), blockers=())
    case.verdict.answer = Answer.ANSWER_YES
    lines = shown(capsys, pipe(), case=case).splitlines()
    assert lines[2].startswith("advice")
    assert "net.mtu" in lines[3]


def unknown(fact, path, reason, **fields):
    return finding(fact, "NO_IDEA", missing=[path], reason=reason, **fields)


def test_facts_that_lack_the_same_are_one_row(capsys):
    why = "destination.hypervisor is not known (no libvirt)"
    case = response(
        unknown("hv.type", "destination.hypervisor", why),
        unknown("mem.free", "destination.memory", "destination.memory is not known"),
        unknown("hv.arch", "destination.hypervisor", why),
        unknown("sw.libvirt", "destination.hypervisor", why, consequence="ADVISORY"),
    )
    text = shown(capsys, pipe(), case=case)
    assert text.count(why) == 2
    lines = text.splitlines()
    assert lines[3].split(maxsplit=3) == ["NO_IDEA", "2", "facts", why]
    assert lines[4] == "    hv.type, hv.arch"
    assert lines[5].split()[1] == "mem.free"
    assert shown(capsys, pipe(), Detail(show_all=True), case).count(why) == 3


def test_a_host_that_does_not_answer_is_one_row(capsys):
    why = "unavailable: connection refused"
    case = response(
        finding("host.reachable", "PROBABLY_NO", reason=f"the destination's agent: {why}"),
        *(unknown(f"a.fact{n}", f"destination.part{n}", f"not known ({why})") for n in range(30)),
        finding("sw.emulator_path", "NO_IDEA", reason="nobody looked"),
    )
    case.subject.errors.add(host="beta", error=why)
    lines = shown(capsys, pipe(), case=case).splitlines()
    rows = [line for line in lines if line.startswith(("NO", "PROBABLY_NO "))]
    assert [row.split()[1] for row in rows] == ["host.reachable", "31"]
    assert rows[1].endswith("beta does not answer (--all shows them)")
    assert sum(why in line for line in lines) == 1


def test_a_host_error_that_no_finding_tells(capsys):
    case = response(finding("cpu.vendor", "YES"))
    case.subject.errors.add(host="beta", error="cannot describe the XML")
    assert "beta: cannot describe the XML" in shown(capsys, pipe(), case=case)


def test_long_words_are_cut_in_the_middle_on_a_terminal_only(capsys):
    word = "0123456789abcdef" * 8
    case = response(finding("domain.uuid", "NO", reason=f"taken by {word} there"))
    text = shown(capsys, terminal(120), case=case)
    assert f"taken by {word[:24]}…{word[-24:]} there" in text
    assert f"taken by {word} there" in shown(capsys, pipe(), case=case)


def test_explaining_shows_rule_inputs_and_evidence(capsys):
    each = finding("net.bridge", "NO", reason="none", probability=0.1)
    each.evidence.add(path="source.network.interfaces", value="3 entries")
    case = response(each, finding("cpu.vendor", "YES", reason="both Intel"))
    case.subject.inputs.add(path="source.network").age.seconds = 7
    rule = FactDescription(
        question="Is there a bridge?",
        description="Look for it.",
        reads=["source.network.interfaces", "vm.nics"],
        also_reads=["destination.network.interfaces"],
    )
    text = shown(capsys, pipe(), Detail(explain=True, rules={"net.bridge": rule}), case)
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("Is there a bridge?")
    assert lines[start : start + 9] == [
        "Is there a bridge?",
        "Look for it.",
        "inputs:",
        "vm.nics",
        "source.network.interfaces: 7 s old",
        "destination.network.interfaces",
        "evidence:",
        "source.network.interfaces = 3 entries",
        "probability that it works: 10%",
    ]
    assert "cpu.vendor" not in text


def difference(path, *facts, kind="CHANGED", **fields):
    kind = DifferenceKind.Value(f"DIFFERENCE_KIND_{kind}")
    return Difference(path=path, facts=facts, kind=kind, **fields)


def test_differences_that_matter_alike_are_told_together(capsys):
    answer = DiffResponse(
        left_host="a",
        right_host="b",
        differences=[
            difference("cpu.family", "cpu.model", left="6", right="23"),
            difference("cpu.model", "cpu.model", left="1", right="2"),
            difference("cpu.leaves", summary="3 of 8 registers differ"),
            difference("memory.total_bytes", *map(str, range(20)), kind="ONLY_LEFT", left="1 GiB"),
        ],
    )
    show_diff(answer, with_volatile=True)(pipe())
    assert capsys.readouterr().out.splitlines() == [
        "a and b differ in 4 fields",
        "",
        "cpu.family: 6 -> 23",
        "cpu.model: 1 -> 2",
        "    these 2 matter to cpu.model",
        "cpu.leaves: 3 of 8 registers differ",
        "",
        "memory.total_bytes: only a: 1 GiB",
        "    matters to 0, 1, 2, 3, 4, 5, 6, 7 and 12 more",
        "",
    ]


def test_elements_that_only_one_host_has_are_told_together(capsys):
    paths = [f"iscsi.nodes[iqn.t{n},[fe80::1]:3260]" for n in range(4)]
    answer = DiffResponse(left_host="a", right_host="b")
    answer.differences.extend(difference(each, kind="ONLY_RIGHT", right="x") for each in paths)
    answer.differences.append(difference("usb.devices[1]", kind="ONLY_LEFT", left="a mouse"))
    show_diff(answer, with_volatile=True)(pipe())
    lines = capsys.readouterr().out.splitlines()
    keys = ", ".join(f"iqn.t{n},[fe80::1]:3260" for n in range(4))
    assert lines[0] == "a and b differ in 5 fields"
    assert lines[2] == f"iscsi.nodes: only b: {keys}"
    assert lines[4] == "usb.devices[1]: only a: a mouse"
    show_diff(answer, with_volatile=True, show_all=True)(pipe())
    assert capsys.readouterr().out.splitlines()[2:6] == [f"{each}: only b: x" for each in paths]


def test_standard_output_decides(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not pipe().symbols
    assert "\x1b" not in shown(capsys, pipe())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert pipe().width == 100
    assert pipe().symbols
    assert "\x1b[31m" in shown(capsys, pipe())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in shown(capsys, pipe())
    assert pipe().symbols
    monkeypatch.setenv("TERM", "dumb")
    assert not pipe().symbols
    assert "\x1b" not in shown(capsys, pipe())


@pytest.mark.parametrize(("form", "has_rich"), [("json", "False"), ("table", "True")])
def test_only_tables_need_rich(form, has_rich):
    code = (
        "import sys; from vmfit_comparator.cli import run; "
        f"run(['facts', 'time.skew', '-o', '{form}']); print('rich' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == has_rich


@given(st.text())
def test_nothing_steers_the_terminal(text):
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=60)), min_size=1))
def test_wide_characters_count_twice(rows):
    assert column_widths(rows)[0] == max(cell_len(printable(row[0])) for row in rows)


WIDE = st.text(st.sampled_from("aé漢 字\x1b-"), max_size=90)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_rows_and_lines_fit(width, capsys):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(WIDE, WIDE, WIDE), min_size=1, max_size=3))
    def check(rows):
        capsys.readouterr()
        for row in rows:
            terminal(width).row(row, column_widths(rows), colour="red")
            terminal(width).line(row[0], 4, 2)
        assert all(cell_len(line) <= width for line in capsys.readouterr().out.splitlines())

    check()
