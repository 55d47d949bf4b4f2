"""What facts declare to read is what they look at: every row, with messages that note it."""

import sys
from functools import cache

import pytest

from tests.comparator.builders import migration
from tests.comparator.noted import Looks, looks_of
from tests.comparator.rows import ROWS
from tests.comparator.tables import case_of
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.facts import BUILT_IN

# They ask other facts about the way back, whose rows are their own.
FACTS = [name for name, fact in BUILT_IN.items() if not fact.way_back]


@cache
def looks(name: str) -> Looks:
    """Return all that a fact looks at in its rows."""
    seen = Looks()
    for case in (migration(), *map(case_of, ROWS[name])):
        found, _ = looks_of(BUILT_IN[name], case)
        seen.values |= found.values
        seen.presence |= found.presence
    return seen


@pytest.mark.parametrize("name", FACTS)
def test_all_that_is_looked_at_is_declared(name):
    declared = {path.text for path in BUILT_IN[name].values}
    assert not looks(name).undeclared(declared)


@pytest.mark.parametrize("name", FACTS)
def test_a_row_needs_each_read_of_the_fact_itself(name):
    fact = BUILT_IN[name]
    (own,) = [
        each
        for each in vars(sys.modules[fact.check.__module__]).values()
        if isinstance(each, Fact) and each.id == name
    ]
    # What is needed is looked at by the evaluator.
    reads = {path.text for path in own.reads} - {path.text for path in own.needs}
    assert not looks(name).unneeded(reads), "add a row that needs it, or drop it"


def test_some_row_needs_each_read_of_what_facts_use():
    seen = Looks()
    for name in FACTS:
        seen.values |= looks(name).values
        seen.presence |= looks(name).presence
    used = {path.text for name in FACTS for path in BUILT_IN[name].inputs}
    needed = {path.text for name in FACTS for path in BUILT_IN[name].needs}
    assert not seen.unneeded(used - needed), "add a row that needs it, or drop it"
