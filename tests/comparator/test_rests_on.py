"""Keys of what facts rest on: equal keys, equal answers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.comparator.builders import migration
from tests.comparator.made_facts import made
from tests.comparator.rows import ROWS
from tests.comparator.tables import case_of
from vmfit_comparator.evaluation.evaluator import evaluate, results
from vmfit_comparator.evaluation.field_path import ROOTS
from vmfit_comparator.evaluation.freshness import PartAges
from vmfit_comparator.evaluation.rests_on import RestsOn
from vmfit_comparator.evaluation.result import yes
from vmfit_comparator.facts import BUILT_IN

_AT = datetime.fromtimestamp(1_700_000_000, UTC)


def key(fact, case):
    return RestsOn(case, PartAges(case)).key(BUILT_IN[fact])


def result(fact, case):
    return results([BUILT_IN[fact]], replace(case))[fact]


@pytest.mark.parametrize("fact", BUILT_IN)
def test_rows_with_one_key_have_one_answer(fact):
    known = {}
    for row in [("healthy", {}), *ROWS[fact]]:
        case = case_of(row)
        found = known.setdefault(key(fact, case), (row[0], result(fact, case)))
        assert found[1] == result(fact, case), f"{row[0]} has the key of {found[0]}"


@pytest.mark.parametrize("fact", BUILT_IN)
def test_what_is_known_from_other_cases_gives_the_same_findings(fact):
    known = {}
    for row in [("healthy", {}), *ROWS[fact], *ROWS[fact]]:
        case = case_of(row)
        (remembered,) = evaluate([BUILT_IN[fact]], case, _AT, known=known)
        (asked,) = evaluate([BUILT_IN[fact]], replace(case), _AT)
        assert remembered == asked, row[0]
    assert len(known) <= len(ROWS[fact]) + 1


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_change_that_changes_an_answer_changes_its_key(data):
    fact = data.draw(st.sampled_from(list(BUILT_IN)))
    case = case_of(data.draw(st.sampled_from([("healthy", {}), *ROWS[fact]])))
    before = key(fact, case), result(fact, case)
    changed = change(data, getattr(case, data.draw(st.sampled_from([*ROOTS]))))
    if key(fact, case) == before[0]:
        assert result(fact, case) == before[1], changed


def change(data, message):
    """Change a field somewhere below; return what was changed."""
    way = []
    while True:
        fields = list(message.DESCRIPTOR.fields)
        set_ones = [field for field, _ in message.ListFields()]
        field = data.draw(st.sampled_from(set_ones or fields))
        if data.draw(st.integers(0, 5)) == 0:
            field = data.draw(st.sampled_from(fields))
        way.append(field.name)
        value = getattr(message, field.name)
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry:
            set_other(message, field, value)
            return way
        if field.is_repeated:
            if not value or data.draw(st.integers(0, 4)) == 0:
                value.add() if data.draw(st.booleans()) or not value else value.pop()
                return way
            value = data.draw(st.sampled_from(list(value)))
        elif data.draw(st.integers(0, 6)) == 0:
            message.ClearField(field.name)
            return way
        message = value


def set_other(message, field, value):
    if field.message_type is not None or (field.is_repeated and value):
        message.ClearField(field.name)
    elif field.is_repeated:
        value.append(other(field, None))
    else:
        setattr(message, field.name, other(field, value))


def other(field, value):
    if field.enum_type is not None:
        numbers = [each.number for each in field.enum_type.values]
        return next(each for each in numbers if each != value)
    kinds = {
        FieldDescriptor.CPPTYPE_BOOL: not value,
        FieldDescriptor.CPPTYPE_STRING: f"{value or ''}x",
    }
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (value or b"") + b"x"
    return kinds.get(field.cpp_type, 0 if value else 1)


def test_a_key_does_not_depend_on_what_the_fact_does_not_read():
    case = migration()
    other_host = migration(
        {
            "destination.identity.hostname": "gamma",
            "destination.identity.libvirt_host_uuid": "b" * 36,
            "destination.identity.libvirt_identities[0].host_uuid": "b" * 36,
            "destination.identity.libvirt_identities[0].hostname": "gamma",
        }
    )
    unique = [each for each in BUILT_IN if key(each, case) != key(each, other_host)]
    assert len(unique) <= 16, unique


def test_who_a_guest_is_matters_to_few_facts():
    case, other_guest = migration(), migration({"vm.uuid": "7" * 36})
    unique = {each for each in BUILT_IN if key(each, case) != key(each, other_guest)}
    # What is promised to this very guest is its own to take.
    promised = {"mem.free", "mem.hugepages", "numa.node_memory"}
    assert promised <= unique
    assert len(unique) <= 8, unique


def test_an_age_is_no_part_of_a_key_and_counts_all_the_same():
    young = migration({"ages.destination_seconds": 1.0})
    old = migration({"ages.destination_seconds": 100.0})
    fact = BUILT_IN["net.bridge"]
    assert key("net.bridge", young) == key("net.bridge", old)
    known = {}
    evaluate([fact], young, _AT, known=known)
    (found,) = evaluate([fact], old, _AT, known=known)
    assert found == evaluate([fact], old, _AT)[0]


def test_why_something_is_not_known_is_part_of_the_key():
    refused, silent = (
        migration({"destination.network": None, "ages.destination_error": why})
        for why in ("refused", "silent")
    )
    assert key("net.bridge", refused) != key("net.bridge", silent)


def test_facts_of_a_policy_are_asked_each_time():
    calls = []

    @made("site.rack")
    def rack(case):
        calls.append(case)
        return yes("there")

    own = replace(rack, user_defined=True)
    known = {}
    for _ in range(2):
        evaluate([own], migration(), known=known)
    assert len(calls) == 2
    assert not known
    for _ in range(2):
        evaluate([rack], migration(), known=known)
    assert len(calls) == 3


def test_a_key_is_the_same_in_every_process():
    assert key("host.schedulable", migration()) == key("host.schedulable", migration())
    case = migration({"destination.attributes": {"values": {"a": {"k": 1}, "b": {"k": 2}}}})
    other_order = migration({"destination.attributes": {"values": {"b": {"k": 2}, "a": {"k": 1}}}})
    assert key("policy.affinity", case) == key("policy.affinity", other_order)
