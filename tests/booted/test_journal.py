"""What the services write to the journal, and how it can be asked for."""

import json

import pytest

from tests.booted.test_services import COMPARATOR, SERVICES, answers, running, settings

__all__ = ["running"]


def entries(machine, *matches):
    text = machine.run("journalctl", "-q", "-b", "-o", "json", *matches)
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("service", SERVICES)
def test_lines_have_the_priority_of_what_they_say(running, service):
    unit = f"{service}.service"
    started = [each for each in entries(running, "-u", unit) if "VMFIT_LOGGER" in each]
    assert {each["PRIORITY"] for each in started} <= {"3", "4", "6"}
    assert any(each["PRIORITY"] == "6" for each in started)
    program = "vmfit" if service == "vmfit-comparator" else "vmfit-agent"
    assert {each["SYSLOG_IDENTIFIER"] for each in started} == {program}
    # Systemd itself says whose it is: nobody else can write in its name.
    assert {each["_SYSTEMD_UNIT"] for each in started} == {unit}
    file = "comparator.toml" if service == "vmfit-comparator" else "agent.toml"
    before = entries(running, "-u", unit, "-p", "err")
    with settings(running, file, "insecure = 'maybe'\n"):
        running.run("systemctl", "reload", service)
    errors = entries(running, "-u", unit, "-p", "err")[len(before) :]
    assert ["insecure: must be true or false" in each["MESSAGE"] for each in errors] == [True]
    running.run("systemctl", "reload", service)
    answers(running)


def test_a_host_that_goes_can_be_asked_for(running):
    dark = '[hosts.dark]\naddress = "unix:/run/nobody.sock"\n'
    with settings(running, "comparator.toml", dark):
        running.run("systemctl", "restart", "vmfit-comparator")
        # Its status says that not all hosts answer.
        running.try_run("vmfit", "hosts", "--server", COMPARATOR)
        (told,) = entries(running, "-u", "vmfit-comparator", "VMFIT_HOST=dark")
    assert "host dark does not answer" in told["MESSAGE"]
    running.run("systemctl", "restart", "vmfit-comparator")
