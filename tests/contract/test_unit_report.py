"""What a doctor says of systemd's units, and of how a program was installed."""

import pytest

from vmfit_contract.installation import installed_as, installing
from vmfit_contract.unit_report import unit_reports

GOOD = {
    "Id": "vmfit-agent.service", "LoadState": "loaded", "ActiveState": "active",
    "SubState": "running", "UnitFileState": "enabled", "Result": "success", "ExecMainStatus": "0",
    "NRestarts": "0", "StatusText": "serving",
}  # fmt: skip


def reported(logged="", **changed):
    """Return the report of one unit, for which systemctl shows something else."""
    lines = [f"{key}={value}" for key, value in {**GOOD, **changed}.items()]

    def run(words):
        return logged if words[0] == "journalctl" else "\n".join(lines)

    return unit_reports(["vmfit-agent.service"], run)


@pytest.mark.parametrize(
    ("changed", "state", "told"),
    [
        ({}, "ok", "serving"),
        ({"StatusText": ""}, "ok", "active"),
        ({"UnitFileState": "disabled"}, "partly", "systemctl enable vmfit-agent.service"),
        ({"ActiveState": "inactive"}, "missing", "systemctl enable --now vmfit-agent.service"),
        ({"LoadState": "masked"}, "missing", "systemctl unmask vmfit-agent.service"),
        ({"LoadState": "bad-setting"}, "missing", "systemctl status vmfit-agent.service"),
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"},
            "missing",
            "mend the settings that it names (journalctl -u vmfit-agent.service), then: systemctl",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"},
            "missing",
            "exit status 1",
        ),
    ],
)
def test_a_unit_and_what_to_do(changed, state, told):
    (report,) = reported(**changed)
    assert report.state == state
    assert any(told in each for each in (*report.reasons, *report.remedies)), report


def test_the_log_says_why():
    bad = {"ActiveState": "failed", "Result": "exit-code"}
    (report,) = reported(logged="agent.toml: lisen: no such setting\x1b\n", **bad)
    assert "agent.toml: lisen: no such setting\N{REPLACEMENT CHARACTER}" in report.reasons


def test_what_is_not_installed_is_not_told_of():
    assert reported(LoadState="not-found") == []
    assert unit_reports(["vmfit-agent.service"], lambda _: "") == []


def test_how_it_was_installed(tmp_path):
    assert installed_as("vmfit-agent", "/usr/lib/vmfit-agent", tmp_path) == "rpm"
    listed = tmp_path / "var/lib/dpkg/info/vmfit-agent.list"
    listed.parent.mkdir(parents=True)
    listed.touch()
    assert installed_as("vmfit-agent", "/usr/lib/vmfit-agent", tmp_path) == "deb"
    assert installed_as("vmfit-agent") == "checkout"
    assert installed_as("click") == "wheel"
    assert "uv sync" in installing("vmfit-agent", "libvirt")
