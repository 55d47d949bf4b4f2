"""Policies in YAML, read and completed; their expressions are another surface."""

from contextlib import suppress

from tests.fuzz.seeds import files
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.policies.policy import resolve_policy
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import parse_policy

_EVERYTHING = b"""
name: trueblue
extends: default
facts:
  - pattern: "cpu.*"
    accept: PROBABLY_YES
    weight: 2.5
    optional: true
conditions:
  - expression: 'findings["cpu.features"].answer >= YES'
    reason: false alarm
max_age: 90s
user_facts:
  - id: site.rack
    question: Same rack?
    needs: [source.attributes.values, vm.memory.size_bytes]
    expression: 'source.identity.hostname == destination.identity.hostname'
    reason_yes: "yes"
    probability: 0.9
"""


def seeds():
    yield _EVERYTHING
    for policy in files("**/policies/**/*.yaml", "**/*policy*.yaml", "**/*.yaml"):
        yield policy[:4096]


def read(data):
    with suppress(PolicyError):
        resolve_policy(parse_policy(data.decode("utf-8", "replace")), BUILT_IN, None)
