"""Operators' attributes: good files, bad files, too many files."""

import json
import os

import pytest

from vmfit_agent.collectors import (
    attributes,
)

DROP_IN = "etc/vmfit/attributes.d"


def test_attributes_by_file_name(tree):
    host = tree(
        {
            f"{DROP_IN}/rack.json": '{"row": 4, "power": ["a", "b"], "spare": null}',
            f"{DROP_IN}/README": "text",
            f"{DROP_IN}/.hidden.json": "{",
        }
    )
    part = attributes.collect(host)
    assert list(part.values) == ["rack"]
    assert part.values["rack"]["row"] == 4
    assert host.warnings == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("[1]", "not a JSON object but an array"),
        ("3", "not a JSON object but a number"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "1e999 is too large"),
        ("[" * 60000, "nested more than 16 deep"),
        ('{"a":' * 20 + "1" + "}" * 20, "nested more than 16 deep"),
        (json.dumps({"a": "x" * 70000}), "longer than 65536 bytes"),
        ('{"a": "\\ud800"}', ""),
        ("", "Expecting value"),
    ],
)
def test_a_bad_file_of_attributes_is_named_and_costs_nothing_else(tree, text, reason):
    host = tree({f"{DROP_IN}/bad.json": text, f"{DROP_IN}/good.json": "{}"})
    part = attributes.collect(host)
    assert list(part.values) == ["good"]
    (warning,) = host.warnings
    assert warning.startswith(f"/{DROP_IN}/bad.json: {reason}")
    assert part.SerializeToString()


def test_what_is_no_file_of_attributes(tree):
    host = tree({f"{DROP_IN}/good.json": "{}"})
    os.mkfifo(host.root / DROP_IN / "pipe.json")
    (host.root / DROP_IN / "directory.json").mkdir()
    assert list(attributes.collect(host).values) == ["good"]
    assert len(host.warnings) == 2


def test_too_many_files_of_attributes(tree):
    host = tree({f"{DROP_IN}/{number:03}.json": "{}" for number in range(300)})
    assert len(attributes.collect(host).values) == 256
    assert "only the first 256 of 300" in host.warnings[0]
