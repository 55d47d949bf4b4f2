"""Answers for programs: JSON, YAML, and what a JSONPath selects."""

import json

import pytest
import yaml

from vmfit_contract.command_line.structured import jsonpath_complaint, structured_text

TREE = {"vms": [{"name": "web", "vcpus": 2}, {"name": "db\x1b[2J", "vcpus": 4}], "empty": []}
DOCUMENT = json.dumps(TREE)


def test_json_is_the_document_and_yaml_its_data():
    assert structured_text(DOCUMENT, "json") == DOCUMENT
    assert yaml.safe_load(structured_text(DOCUMENT, "yaml")) == TREE


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        ("$.vms[*].vcpus", ["2", "4"]),
        ("{.vms[*].vcpus}", ["2", "4"]),
        ("vms[0].name", ["web"]),
        ("$.vms[?@.vcpus > 2].name", ["db\N{REPLACEMENT CHARACTER}[2J"]),
        ("$.vms[0]", ['{"name": "web", "vcpus": 2}']),
        ("$.nothing", []),
    ],
)
def test_a_jsonpath_gives_a_line_for_every_value(expression, lines):
    assert jsonpath_complaint(expression) == ""
    text = structured_text(DOCUMENT, f"jsonpath={expression}")
    assert text == "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    "expression", ["$.vms[", "{.vms", "$[?", "$." + "a" * 5000, "$" + "[" * 900]
)
def test_a_jsonpath_that_cannot_be_evaluated_is_one_line(expression):
    complaint = jsonpath_complaint(expression)
    assert complaint
    assert "\n" not in complaint
