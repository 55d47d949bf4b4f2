"""The vmfit command: arguments to exit status, in this process."""

import json
import logging
import re
import sys
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1.comparator_service_pb2 import (
    BaselineResponse,
    CheckResponse,
    DiffResponse,
    ListFactsResponse,
    ListHostsResponse,
)
from vmfit_agent.cli import run as agent_run
from vmfit_comparator.cli import run
from vmfit_comparator.engine import Engine
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.server import ComparatorServer
from vmfit_contract.address import parse_address
from vmfit_contract.snapshot_file import read_snapshot, write_snapshot

VMFIT = Path(sys.executable).with_name("vmfit")
NAME = vm().name


@pytest.fixture
def agents(tmp_path):
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        yield source, destination


@pytest.fixture
def server(tmp_path):
    address = parse_address(f"unix:{tmp_path / 'comparator'}", 0)
    with Engine(agent_timeout_seconds=5) as engine:
        serving = ComparatorServer(engine, [address])
        serving.start()
        yield str(address)
        serving.stop(0)


def check(*arguments, source="alpha.json", destination="beta.binpb"):
    return run(["check", "--from", source, "--to", destination, *arguments])


def failure(capsys, *arguments, status=3):
    """Return the one line with which a command fails; 3: what was asked has to change."""
    assert run(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vmfit: error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("vmfit: error: ").rstrip()


def test_check_says_yes(files, capsys):
    assert check(NAME) == 0
    captured = capsys.readouterr()
    verdict, *_ = captured.out.splitlines()
    assert verdict.endswith(f"acceptable: {NAME}, alpha -> beta")
    assert "not acceptable" not in verdict
    assert "\x1b" not in captured.out
    assert captured.err == ""


def test_check_says_no_worst_first(files, capsys):
    assert check(NAME, destination="poor.json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NO, not acceptable:")
    assert lines[1] == "policy default is not met by cpu.features"
    assert lines[3].startswith("NO ")
    assert "avx2" in lines[3]
    assert lines[4].startswith("    remedy: ")


def test_json_and_yaml_are_the_response(files, capsys):
    assert check(NAME, "-o", "json", destination="poor.json") == 1
    text = capsys.readouterr().out
    response = json_format.Parse(text, CheckResponse())
    assert not response.verdict.acceptable
    assert "cpu.features" in response.verdict.blockers
    assert {each["fact"] for each in json.loads(text)["findings"]} == set(BUILT_IN)
    assert check(NAME, "-o", "yaml", destination="poor.json") == 1
    assert yaml.safe_load(capsys.readouterr().out) == json.loads(text)


def test_folding_and_explaining(files, capsys):
    check(NAME, "--fact", "cpu.features")
    folded = capsys.readouterr().out
    assert "1 say yes, 0 do not apply (--all shows them)" in folded
    assert "every CPU feature" not in folded
    check(NAME, "--fact", "cpu.features", "--explain")
    shown = capsys.readouterr().out
    assert "Can the destination give the guest every CPU feature that it sees?" in shown
    assert re.search(r"      destination\.cpu\.\S.*: \d+ s old\n", shown)
    assert "vm.domain_type = kvm" in shown
    check(NAME, "--explain", destination="poor.json")
    shown = capsys.readouterr().out
    assert "every CPU feature" in shown
    assert "Are source and destination two hosts to libvirt?" not in shown


@pytest.mark.parametrize("arguments", [["vm.json"], ["--vm", "vm.json"], [NAME, "--vm", "vm.json"]])
def test_a_described_vm(files, capsys, arguments):
    assert check(*arguments) == 0
    assert f": {NAME}, alpha" in capsys.readouterr().out


def test_virsh_words(files, capsys):
    words = [
        "--",
        "virsh",
        "-c",
        "qemu:///system",
        "migrate",
        "--live",
        NAME,
        "qemu+tls://b/system",
    ]
    assert check(*words) == 0
    assert f": {NAME}, alpha" in capsys.readouterr().out
    assert check("--", "--lvie") == 3
    error = capsys.readouterr().err
    assert error == "vmfit: error: virsh migrate: unknown option --lvie, did you mean --live?\n"


def test_the_vm_must_be_one(files, capsys):
    assert check(NAME, "--", "other") == 3
    assert f"the VM is {NAME!r}, but virsh's words say 'other'" in capsys.readouterr().err
    assert check("other", "--vm", "vm.json") == 3
    assert f"the VM is {NAME!r}, not 'other'" in capsys.readouterr().err
    assert check() == 3
    assert "name the VM" in capsys.readouterr().err
    assert check(vm().uuid, "--", "--live") == 0


def test_options_reach_the_facts(agents, files, capsys):
    source, destination = agents
    destination.described_xml = vm()
    Path("new.xml").write_text("<domain type='kvm'/>")
    hosts = {"source": source.address, "destination": destination.address}
    check(NAME, "--", "--live", "--xml", "new.xml", **hosts)
    assert [each.xml for each in destination.described] == ["<domain type='kvm'/>"]
    check(NAME, "--", "--xml", "missing.xml", **hosts)
    assert "missing.xml: cannot be read: No such file" in capsys.readouterr().err


def test_xml_goes_to_the_source(agents, files):
    source, destination = agents
    source.described_xml = destination.described_xml = vm()
    Path("vm.xml").write_text("<domain/>")
    arguments = ["--xml", "vm.xml", "--timeout", "5"]
    assert check(*arguments, source=source.address, destination=destination.address) == 0
    assert source.described[0].xml == "<domain/>"


def test_a_server_gives_the_same_answers(agents, files, server, capsys):
    source, destination = agents
    hosts = {"source": source.address, "destination": destination.address}

    def answers(*arguments):
        status = check(NAME, "-o", "json", *arguments, **hosts)
        findings = json.loads(capsys.readouterr().out)["findings"]
        return status, [(each["fact"], each["answer"]) for each in findings]

    assert answers() == answers("--server", server)
    for command in (["diff", "alpha.json", "poor.json"], ["baseline", "alpha.json", "poor.json"]):
        for form in ("table", "json"):
            local = run([*command, "-o", form]), capsys.readouterr().out
            assert local == (
                run([*command, "-o", form, "--server", server]),
                capsys.readouterr().out,
            )


def test_a_vm_that_the_agent_does_not_know(tmp_path, files, capsys, server):
    snapshot = source_snapshot()
    snapshot.domains.vms.append(vm())
    with FakeAgent(tmp_path / "a", snapshot, [vm()]) as source:
        hosts = ["--from", source.address, "--to", "poor.json"]
        for where in ([], ["--server", server]):
            told = failure(capsys, "check", "gest", *hosts, *where)
            assert told.endswith("no domain 'gest', did you mean guest?")


def test_hosts_are_numbered(files, capsys):
    rows = "".join(f'[hosts.node{number:02}]\naddress = "unix:/x"\n' for number in range(1, 21))
    Path("c.toml").write_text(rows)
    asked = ["--config", "c.toml", "diff", "alpha.json"]
    assert failure(capsys, *asked, "node1").endswith("in the inventory, did you mean node01?")
    assert "did you mean" not in failure(capsys, *asked, "node99")


def test_dead_destination(agents, files, capsys):
    source, _ = agents
    missing = "unix:/nonexistent/agent"
    arguments = [NAME, "-o", "json", "--timeout", "3"]
    assert check(*arguments, source=source.address, destination=missing) == 2
    captured = capsys.readouterr()
    response = json_format.Parse(captured.out, CheckResponse())
    assert [each.host for each in response.subject.errors] == [missing]
    assert captured.err.startswith(f"vmfit: error: {missing}: ")


def test_dead_destination_in_a_table(agents, files, capsys):
    source, _ = agents
    assert check(NAME, source=source.address, destination="unix:/nonexistent/agent") == 2
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("No such file") == 1
    assert " facts  " in captured.out
    assert captured.out.count("NO_IDEA") == 1


def test_dead_source(agents, files, capsys):
    _, destination = agents
    assert check(NAME, source="unix:/nonexistent", destination=destination.address) == 2
    assert "unix:/nonexistent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "x", "--from", "a.json", "--to", "b.json"], "a.json: cannot be read: No such"),
        (["check", "x", "--from", "alpha.json"], "Missing option '--to'"),
        (["check", "--bogus"], "No such option"),
        (
            ["check", "x", "--from", "alpha.json", "--to", "a", "--to", "b"],
            "--to is given twice; `vmfit rank` compares several destinations",
        ),
        (["chekc"], "No such command 'chekc', did you mean check?"),
        (["serve", "--listen", "unix:/nonexistent/x"], "no directory /nonexistent"),
        (
            ["check", "gest", "--from", "alpha.json", "--to", "poor.json"],
            "VM: no domain 'gest' in the snapshot of alpha, did you mean guest?",
        ),
        (
            ["check", "x", "--from", "unknown", "--to", "poor.json"],
            "--from: no host 'unknown' in the inventory, which has no hosts",
        ),
        (["check", "x", "--from", "alpha.json", "--to", "y"], "--to: no host 'y'"),
        (["baseline", "alpha.json", "y"], "HOST: no host 'y'"),
        (["baseline", "alpha.json", "--type", "xen"], "alpha: x86_64 guests there are"),
        (["baseline", "alpha.json", "--arch", "s390x"], "not known to run s390x guests"),
        (["check", "x", "--from", "h:1", "--to", "poor.json"], "--insecure"),
        (["check", "x", "--from", "h:99999", "--to", "poor.json"], "port '99999'"),
        (["check", "x", "--from", "::1", "--to", "poor.json"], "needs brackets"),
        (["check", "x", "--from", "alpha.json", "--to", "bad.json"], "bad.json: not a snapshot"),
        (["check", "x", "--from", "alpha.json", "--to", "cut.binpb"], "cut.binpb: "),
        (
            ["diff", "alpha.json", "poor.json", "--part", "cpus"],
            "--part: no such part: 'cpus', did you mean cpu?",
        ),
        (
            ["diff", "alpha.json", "poor.json", "--part", "zebra"],
            "--part: no such part: 'zebra'; there are identity, cpu, numa, ",
        ),
        (["facts", "cpu"], "no such fact: 'cpu', did you mean cpu.*?"),
        (["diff", "alpha.json", "b.json"], "HOST: b.json: cannot be read: No such file"),
        (["check", "x", "--from", "a.json", "--to", "b.json"], "--from: a.json: cannot be read"),
        (
            ["check", "x", "--from", "alpha.json", "--to", "b", "--live"],
            "--live is no option; virsh's words go after --: -- --live",
        ),
        (
            ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--fact", "cpuu.*"],
            "--fact: no such fact: 'cpuu.*', did you mean cpu.*?",
        ),
        (
            ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--policy", "conservativ"],
            "--policy: no policy is called 'conservativ', did you mean conservative?",
        ),
        (
            ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--policy", "x"],
            "--policy: no policy is called 'x'; there are conservative, default, permissive",
        ),
        (
            ["check", "zebra", "--from", "alpha.json", "--to", "poor.json"],
            "VM: no domain 'zebra' in the snapshot of alpha; there is guest",
        ),
        (["diff", "alpha.json"], "Missing argument 'HOST'"),
        (["baseline"], "Missing argument 'HOST...'"),
        (["facts", "cpu.featurs"], "did you mean cpu.features?"),
        (["facts", "--server", "h:1"], "--insecure"),
        (["--config", "missing.toml", "facts"], "missing.toml: cannot be read"),
        (
            ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--policy", "x.yaml"],
            "x.yaml",
        ),
        (["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--policy", "lax"], "'lax'"),
        (
            ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--fact", "cpu.vender"],
            "--fact: no such fact: 'cpu.vender', did you mean cpu.vendor?",
        ),
        (["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--timeout", "0"], "timeout"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(files, capsys, arguments, message):
    Path("bad.json").write_text('{"nonsense": 1}')
    content = Path("beta.binpb").read_bytes()
    Path("cut.binpb").write_bytes(content[: len(content) // 2])
    assert message in failure(capsys, *arguments)


def test_a_server_blames_what_was_asked_or_itself(files, server, capsys):
    asked = ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--server", server]
    assert failure(capsys, *asked, "--fact", "x").startswith("--fact: no such fact: 'x'")
    gone = failure(capsys, "hosts", "--server", "unix:/x", status=2)
    assert gone.startswith("comparator unix:/x: ")


def test_policy_files(files, capsys):
    Path("typo.yaml").write_text("facts:\n  cpu.vender: {minimum_answer: YES}\n")
    asked = ["check", NAME, "--from", "alpha.json", "--to", "poor.json", "--policy", "typo.yaml"]
    expected = "--policy: typo.yaml:2: facts.cpu.vender: no such fact, did you mean cpu.vendor?"
    assert failure(capsys, *asked) == expected
    for text, told in (
        ("extends: strict\n", "bad.yaml:1: extends: 'strict' is not built in"),
        ("user_facts:\n- id: site.x\n  expression: 'attribute['\n", "bad.yaml:3: user_facts[0]."),
        ("margins: {nonsense: 1}\n", "bad.yaml:1: margins.nonsense: "),
    ):
        Path("bad.yaml").write_text(text)
        assert failure(capsys, *asked[:-1], "bad.yaml").startswith(f"--policy: {told}")
    Path("strict.yaml").write_text("facts:\n  storage.disk_identity: {minimum_answer: YES}\n")
    assert check(NAME, "--policy", "strict.yaml") == 1
    assert "policy strict is not met by storage.disk_identity" in capsys.readouterr().out


def test_diff(files, capsys):
    assert run(["diff", "beta.binpb", "poor.json"]) == 1
    text = capsys.readouterr().out
    assert "only beta (beta.binpb): avx2" in text
    assert text.startswith("beta (beta.binpb) and beta (poor.json) differ in ")
    assert re.search(r"matters? to \w+\.", text)
    assert run(["diff", "beta.binpb", "beta.binpb", "--volatile"]) == 0
    assert run(["diff", "beta.binpb", "poor.json", "--part", "numa"]) == 0
    capsys.readouterr()
    assert run(["diff", "beta.binpb", "poor.json", "-o", "json"]) == 1
    assert json_format.Parse(capsys.readouterr().out, DiffResponse()).differences


def test_baseline(files, capsys):
    assert run(["baseline", "alpha.json", "poor.json"]) == 0
    text = capsys.readouterr().out
    assert "\n<cpu mode='custom' match='exact'>\n" in text
    assert "alpha has 1 more:\n  avx2\n\nno more: beta\n" in text
    assert run(["baseline", "alpha.json", "poor.json", "-o", "json"]) == 0
    response = json_format.Parse(capsys.readouterr().out, BaselineResponse())
    assert "avx2" not in response.features


def test_facts(capsys):
    assert run(["facts"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(BUILT_IN)
    assert run(["facts", "cpu.*", "-o", "json"]) == 0
    response = json_format.Parse(capsys.readouterr().out, ListFactsResponse())
    assert "cpu.features" in {each.id for each in response.facts}
    assert all(each.id.startswith("cpu.") for each in response.facts)
    assert run(["facts", "cpu.features"]) == 0
    assert capsys.readouterr().out.startswith("cpu.features: Can the destination ")
    run(["facts", "-o", "json"])
    texts = [each["description"] for each in json.loads(capsys.readouterr().out)["facts"]]
    assert not [each for each in texts if "\n    " in each and "- " not in each]


def test_hosts(agents, files, capsys):
    source, _ = agents
    Path("c.toml").write_text(
        f'[hosts.alpha]\naddress = "{source.address}"\n'
        '[hosts.gone]\naddress = "unix:/nonexistent"\n'
    )
    assert run(["--config", "c.toml", "hosts"]) == 2
    table = capsys.readouterr().out
    assert "answers" in table
    assert "gone" in table
    run(["--config", "c.toml", "hosts", "-o", "json"])
    response = json_format.Parse(capsys.readouterr().out, ListHostsResponse())
    assert [each.reachable for each in response.hosts] == [True, False]
    assert run(["hosts"]) == 0
    assert capsys.readouterr().out.startswith("the inventory has no hosts: they are [hosts.NAME]")


def test_flags_over_environment_over_settings(files, capsys, monkeypatch):
    Path("c.toml").write_text('output = "yaml"\npolicy = "permissive"\n')
    arguments = ["--config", "c.toml", "diff", "beta.binpb", "beta.binpb"]
    run(arguments)
    assert yaml.safe_load(capsys.readouterr().out)["leftHost"] == "beta"
    monkeypatch.setenv("VMFIT_OUTPUT", "json")
    run(arguments)
    assert json.loads(capsys.readouterr().out)["leftHost"] == "beta"
    run([*arguments, "-o", "table"])
    assert "differ in no fields" in capsys.readouterr().out


def test_vms(files, capsys, server):
    assert run(["vms", "alpha.json"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "STATE", "VCPUS", "MEMORY", "UUID"]
    assert row.startswith(f"{NAME} ")
    assert row.endswith(vm().uuid)
    assert run(["vms", "alpha.json", "-o", "json", "--server", server]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["vms"]] == [NAME]
    assert run(["vms", "beta.binpb"]) == 0
    assert capsys.readouterr().out == "the host has no VMs\n"


def test_vms_that_are_not_known(files, capsys):
    snapshot = source_snapshot()
    snapshot.ClearField("domains")
    snapshot.parts.add(name="domains", error="libvirt is not there")
    write_snapshot(snapshot, Path("blind.json"))
    told = failure(capsys, "vms", "blind.json", status=2)
    assert told == "blind.json: libvirt is not there"


def test_snapshot(agents, files, capsys, server):
    source, _ = agents
    for where in ([], ["--server", server]):
        assert run(["snapshot", source.address, "--part", "cpu", *where]) == 0
        tree = json.loads(capsys.readouterr().out)
        assert "cpu" in tree
        assert "memory" not in tree
    assert run(["snapshot", "alpha.json", "-o", "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["identity"]["hostname"] == "alpha"
    for form in ("json", "binary"):
        assert run(["snapshot", source.address, "-o", form, "--file", "copy"]) == 0
        assert read_snapshot(Path("copy")).identity.hostname == "alpha"
        assert run(["diff", "copy", "alpha.json"]) == 0
    capsys.readouterr()
    assert failure(capsys, "snapshot", "alpha.json", "-o", "copy.json").endswith("by --file")
    assert failure(capsys, "snapshot", "alpha.json", "--file", "/none/x").startswith("--file: ")
    assert failure(capsys, "snapshot", "node1") == (
        "HOST: no host 'node1' in the inventory, which has no hosts"
    )


def test_rank(files, capsys, server):
    asked = ["rank", NAME, "--from", "alpha.json", "--to", "poor.json", "--to", "beta.binpb"]
    facts = ["--fact", "cpu.*"]
    for where in ([], ["--server", server]):
        assert run([*asked, *facts, *where]) == 0
        heading, best, worst = capsys.readouterr().out.splitlines()
        assert heading == f"{NAME}, from alpha"
        assert re.match(r"(PROBABLY_)?YES .* beta +acceptable", best)
        assert re.match(r"NO .* beta +not acceptable: cpu\.features", worst)
    assert run([*asked, *facts, "-o", "json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [each["verdict"].get("acceptable", False) for each in checks] == [True, False]
    assert run([*asked[:-2], *facts]) == 1
    capsys.readouterr()
    assert failure(capsys, *asked[:-2], "--to", "x").startswith("--to: no host 'x'")
    assert "virsh's words go after --" in failure(capsys, *asked, "--live")


def test_rank_of_the_inventory(agents, files, capsys):
    source, destination = agents
    Path("c.toml").write_text(
        f'[hosts.alpha]\naddress = "{source.address}"\n'
        f'[hosts.beta]\naddress = "{destination.address}"\n'
        '[hosts.gone]\naddress = "unix:/nonexistent"\n'
    )
    words = ["--config", "c.toml", "rank", NAME, "--from", "alpha", "--fact", "cpu.*"]
    assert run([*words, "--", "--live"]) == 0
    _, best, worst = capsys.readouterr().out.splitlines()
    assert best.split()[1] == "beta"
    assert worst.split()[:2] == ["NO_IDEA", "gone"]
    assert "not acceptable: unavailable: " in worst
    assert run([*words, "--to", "gone"]) == 2
    capsys.readouterr()
    assert run([*words, "--top", "1"]) == 0
    _, best, count, why = capsys.readouterr().out.splitlines()
    assert best.split()[1] == "beta"
    assert (count, why) == ("1 of 2 hosts; not acceptable are:", "1 host: no answer")
    assert run([*words, "--to", "b*a"]) == 0
    assert [each.split()[1] for each in capsys.readouterr().out.splitlines()[1:]] == ["beta"]
    assert failure(capsys, *words, "--to", "rack1-*").startswith("--to: no other host")
    nobody = ["rank", NAME, "--from", "alpha.json"]
    assert failure(capsys, *nobody) == "--to: names no host, and the inventory has no other"


def test_the_log_of_the_caller_stays_as_it_was(files, tmp_path):
    root = logging.getLogger()
    before = root.level, list(root.handlers), [each.formatter for each in root.handlers]
    run(["-vv", "diff", "alpha.json", "poor.json"])
    run(["serve", "--listen", "unix:/nonexistent/x"])
    agent_run(["serve", "--listen", "unix:/nonexistent/x", "--replay", "alpha.json"])
    assert (root.level, root.handlers, [each.formatter for each in root.handlers]) == before
