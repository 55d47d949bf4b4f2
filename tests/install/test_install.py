"""A site from nothing to nothing, as docs/install.md has it; each test goes on where one ended."""

import subprocess
import time

import pytest

from tests.install.older import why_same
from tests.install.steps import follow_here, steps
from tests.install.wire import HOSTS

SETTINGS = {"alpha": "agent.toml", "beta": "agent.toml", "vmfit": "comparator.toml"}
WEB = """<domain type='qemu'>
  <name>web</name><uuid>6d2a1c1e-6a5e-4f5e-9d6b-0d7a2f1f8a01</uuid>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
</domain>
"""


def test_agents_are_installed_and_answer(site, older_packages):
    site.copy(older_packages["vmfit-agent"], *HOSTS)
    alpha = site.machines["alpha"]
    alpha.write("/root/web.xml", WEB)
    alpha.run("virsh", "define", "/root/web.xml")
    site.follow("The agent")
    for name in HOSTS:
        # Not for others before there are certificates.
        assert ":16530" not in site.machines[name].run("ss", "-ltn")


def test_the_comparator_is_installed_and_answers(site, older_packages):
    site.copy(older_packages["vmfit-comparator"], "vmfit")
    site.follow("The comparator")
    assert ":16531" not in site.machines["vmfit"].run("ss", "-ltn")


def test_with_certificates_all_answer_over_the_network(site):
    site.follow("Certificates")
    machine = site.machines["vmfit"]
    refused = machine.try_run("vmfit", "hosts", "--insecure", "--server", "vmfit.example:16531")
    assert (refused.returncode, "TLS" in refused.stderr) == (2, True)
    for name in HOSTS:
        key = site.machines[name].run("stat", "-c", "%a %U", "/etc/vmfit/tls/agent.key")
        assert key == "600 vmfit-agent\n"


def test_a_domain_is_checked_from_host_to_host(site):
    site.machines["alpha"].run("virsh", "start", "web")
    site.follow("A check")
    answers = site.check()
    site.machines["alpha"].run("virsh", "destroy", "web")
    # What both hosts say, and what only a probe from one to the other tells.
    assert answers["host.reachable"] == "ANSWER_YES"
    assert answers["hv.type"] == "ANSWER_YES"
    assert answers["mem.free"] == "ANSWER_YES"
    assert answers["net.port_reach"] == "ANSWER_YES", answers


@pytest.mark.parametrize("service", ["vmfit-collect", "vmfit-probe", "vmfit-agent"])
def test_a_killed_process_of_a_host_is_back(site, service):
    for name in HOSTS:
        kill(site.machines[name], service)
    assert site.check()["host.reachable"] == "ANSWER_YES"


def test_a_killed_comparator_is_back(site):
    kill(site.machines["vmfit"], "vmfit-comparator")
    assert site.check()["host.reachable"] == "ANSWER_YES"


def kill(machine, service):
    """Kill a service; return when it is active as another process."""
    machine.run("systemctl", "start", service)
    before = machine.show(service, "MainPID")["MainPID"]
    machine.run("kill", "-KILL", before)
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        shown = machine.show(service, "MainPID", "ActiveState")
        if shown["ActiveState"] == "active" and shown["MainPID"] not in ("0", before):
            return
        time.sleep(0.2)
    raise AssertionError(f"{service}: {shown}\n{machine.log(service)[-2000:]}")


def test_a_reboot_changes_nothing(site):
    before = site.checks_kept()
    assert before > 0
    for machine in site.machines.values():
        machine.reboot()
    assert site.check()["host.reachable"] == "ANSWER_YES"
    assert site.checks_kept() > before


def test_certificates_are_renewed_without_a_restart(site):
    running, shown = site.pids(), site.shown_certificates()
    site.follow("Renewing certificates")
    assert site.check()["host.reachable"] == "ANSWER_YES"
    assert site.pids() == running
    assert len(set(shown) | set(site.shown_certificates())) == 6


def test_an_upgrade_keeps_settings_and_store(site, packages):
    kept, before, running = settings(site), site.checks_kept(), site.pids()
    tables = site.tables()
    site.copy(packages["vmfit-agent"], *HOSTS)
    site.copy(packages["vmfit-comparator"], "vmfit")
    site.follow("Upgrading")
    assert settings(site) == kept
    assert site.checks_kept() >= before
    # What runs is what was installed.
    assert not set(site.pids().items()) & set(running.items())
    assert site.check()["host.reachable"] == "ANSWER_YES"
    assert site.tables() >= tables
    if reason := why_same():
        pytest.skip(f"upgraded from the same files under an older version: {reason}")
    assert site.tables() > tables


def settings(site):
    return {
        name: site.machines[name].run("cat", f"/etc/vmfit/{file}")
        for name, file in SETTINGS.items()
    }


def test_a_removal_leaves_nothing_running(site):
    site.follow("Removing")
    for name, machine in site.machines.items():
        users = machine.run("ps", "-eo", "user:32=").split()
        assert [user for user in users if user.startswith("vmfit")] == [], name
        states = "--state=active,activating,reloading,failed"
        units = machine.run("systemctl", "list-units", states, "--plain", "--no-legend", "vmfit*")
        assert units == "", name
        places = ("/usr/lib/vmfit*", "/usr/bin/vmfit*", "/usr/lib/systemd/system/vmfit*")
        left = machine.try_run("bash", "-c", f"ls -d {' '.join(places)} 2>/dev/null")
        assert left.stdout == "", name
    # A removed package remembers which units were enabled; a purged one nothing.
    enabled = ("bash", "-c", "ls -d /etc/systemd/system/*/vmfit*")
    assert site.machines["vmfit"].try_run(*enabled).stdout == ""
    assert "tls_cert" in site.machines["alpha"].run("cat", "/etc/vmfit/agent.toml")
    purged = site.machines["vmfit"].try_run("ls", "-A", "/etc/vmfit", "/var/lib/vmfit").stdout
    assert purged.split() == ["/etc/vmfit:", "tls"]


def test_the_programs_run_from_wheels(packages, followed, tmp_path):
    tools = {"UV_TOOL_DIR": f"{tmp_path}/tools", "UV_TOOL_BIN_DIR": f"{tmp_path}/bin"}
    followed += follow_here("Without packages", **tools)
    for program in ("vmfit", "vmfit-agent"):
        done = subprocess.run(
            [tmp_path / "bin" / program, "version"], capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(program)


def test_every_command_of_the_document_was_run(packages, followed):
    assert followed == steps()
