"""What a case remembers, and how often it is worked out."""

from dataclasses import replace

from tests.comparator.builders import migration
from vmfit_comparator.evaluation.once import once


def counting():
    calls = []

    @once
    def name(word, case):
        calls.append(word)
        return f"{word} {case.vm.name}"

    return name, calls


def test_a_case_is_looked_at_once():
    name, calls = counting()
    case = migration()
    assert [name("the", case), name("the", case), name("a", case)] == [
        "the guest",
        "the guest",
        "a guest",
    ]
    assert calls == ["the", "a"]


def test_nothing_is_remembered_from_one_case_to_the_next():
    name, calls = counting()
    case = migration()
    for each in (case, replace(case), case.way_back(), migration()):
        name("the", each)
    assert len(calls) == 4


def test_functions_do_not_share_what_is_remembered():
    first, second = once(lambda _: "first"), once(lambda _: "second")
    case = migration()
    assert [first(case), second(case)] == ["first", "second"]


def test_nothing_is_as_good_as_something():
    calls = []
    nothing = once(calls.append)
    case = migration()
    assert nothing(case) is None
    assert nothing(case) is None
    assert len(calls) == 1
