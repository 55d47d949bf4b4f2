"""What functions that are remembered work out, and how often."""

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.remembered import remembered, remembering


def counting():
    calls = []

    @remembered
    def name(vm):
        calls.append(vm.name)
        return vm.name

    return name, calls


def test_the_same_message_is_looked_at_once():
    name, calls = counting()
    vm, other = Vm(name="web"), Vm(name="web")
    with remembering():
        assert [name(vm), name(vm), name(other)] == ["web"] * 3
    assert len(calls) == 2


def test_nothing_is_remembered_from_one_evaluation_to_the_next():
    name, calls = counting()
    vm = Vm(name="web")
    for _ in range(2):
        with remembering():
            name(vm)
    name(vm)
    name(vm)
    assert len(calls) == 4


def test_a_message_that_is_gone_is_not_taken_for_a_new_one():
    name, _ = counting()
    with remembering():
        assert [name(Vm(name=f"vm{number}")) for number in range(100)] == [
            f"vm{number}" for number in range(100)
        ]
