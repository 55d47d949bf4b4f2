"""The forms of answers: -o wide, name and jsonpath; `config view`."""

import json
from pathlib import Path

import pytest
import yaml

from vmfit_agent.cli import run as agent_run
from vmfit_comparator.cli import run
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.settings import KEYS
from vmfit_contract.command_line.config_command import without_secrets


def shown(capsys, *arguments, program=run, status=0):
    assert program(list(arguments)) == status
    return capsys.readouterr().out


def test_names(files, capsys):
    assert shown(capsys, "vms", "alpha.json", "-o", "name") == "guest\n"
    assert shown(capsys, "facts", "-o", "name").split() == list(BUILT_IN)
    to = ["--from", "alpha.json", "--to"]
    assert shown(capsys, "check", "guest", *to, "poor.json", "-o", "name", status=1) == (
        "cpu.features\n"
    )
    both = [*to, "poor.json", "--to", "beta.binpb"]
    assert shown(capsys, "rank", "guest", *both, "-o", "name") == "beta\n"
    paths = shown(capsys, "diff", "alpha.json", "beta.binpb", "-o", "name", status=1).split("\n")
    assert "identity.hostname" in paths


def test_wide_tables_have_more_columns(files, capsys):
    plain, wide = (shown(capsys, "vms", "alpha.json", "-o", each) for each in ("table", "wide"))
    assert "qemu:///system" in wide
    assert "qemu:///system" not in plain
    assert "breaks guest" in shown(capsys, "facts", "-o", "wide")
    check = ("check", "guest", "--from", "alpha.json", "--to", "beta.binpb", "-o")
    assert "host.same_machine" in shown(capsys, *check, "wide")


def test_jsonpath(files, capsys):
    text = shown(capsys, "vms", "alpha.json", "-o", "jsonpath={.vms[*].name}")
    assert text == "guest\n"
    assert run(["vms", "alpha.json", "-o", "jsonpath=.vms["]) == 3
    assert capsys.readouterr().err.startswith("vmfit: error: --output: 'jsonpath=.vms['")


def test_the_agent_has_the_same_forms(files, capsys):
    path = ("--replay", "alpha.json", "-o")
    text = shown(capsys, "snapshot", *path, "jsonpath=identity.hostname", program=agent_run)
    assert text == "alpha\n"
    tree = yaml.safe_load(shown(capsys, "snapshot", *path, "yaml", program=agent_run))
    assert tree["identity"]["hostname"] == "alpha"


def test_settings_in_effect_and_their_origin(files, capsys, monkeypatch):
    Path("c.toml").write_text(
        'timeout = 7\nstore = "postgresql://vmfit:hid:den/@db/x?sslpassword=deep"\n'
        '[hosts.alpha]\naddress = "unix:/a"\n'
    )
    monkeypatch.setenv("VMFIT_POLICY", "conservative")
    text = shown(capsys, "--config", "c.toml", "config", "view", "-o", "json")
    found = {each["key"]: each for each in json.loads(text)}
    assert set(found) == set(KEYS)
    assert (found["timeout"]["value"], found["timeout"]["origin"]) == (7, "file c.toml")
    assert found["policy"]["value"] == "conservative"
    assert found["policy"]["origin"] == "environment VMFIT_POLICY"
    assert (found["output"]["value"], found["output"]["origin"]) == ("table", "default")
    assert found["hosts"]["value"] == {"alpha": {"address": "unix:/a"}}
    assert found["store"]["value"] == "postgresql://vmfit:***@db/x?sslpassword=***"
    table = shown(capsys, "--config", "c.toml", "config", "view")
    for secret in ("hid", "den/", "deep"):
        assert secret not in table


def test_the_agents_settings_in_effect(files, capsys, monkeypatch):
    Path("a.toml").write_text('libvirt_uris = ["qemu:///session"]\n')
    monkeypatch.setenv("VMFIT_AGENT_LISTEN", "[::1]:4")
    words = ("--config", "a.toml", "config", "view", "-o", "json")
    found = {each["key"]: each for each in json.loads(shown(capsys, *words, program=agent_run))}
    assert found["libvirt_uris"] == {
        "key": "libvirt_uris", "value": ["qemu:///session"], "origin": "file a.toml",
    }  # fmt: skip
    assert found["listen"]["origin"] == "environment VMFIT_AGENT_LISTEN"
    assert found["probes"]["value"] is True


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            {"password": "x", "a": [{"api_token": 1}]},
            {"password": "***", "a": [{"api_token": "***"}]},
        ),
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("[::]:16530", "[::]:16530"),
        ("unix:/run/a@b", "unix:/run/a@b"),
    ],
)
def test_secrets_are_not_shown(value, told):
    assert without_secrets(value) == told
